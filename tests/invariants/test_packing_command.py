"""Packing changes no run, whatever is switched off: through the command, fp32, no dropout."""

from pathlib import Path

import pytest

ABLATIONS = sorted(f.stem for f in (Path(__file__).parents[2] / "experiments" / "ablations").glob("*.yaml"))
SAME = ("--model.lora.dropout", "0.0", "--trainer.max_epochs", "1", "--trainer.max_steps", "2")


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_each_ablation_trains_alike_under_both_packings(experiment, ablation):
    losses = []
    for packing in ("clip", "tree"):
        assert experiment("fit", *SAME, "--ablation", ablation, "--data.packing", packing, name=packing) == 0
        losses.append([loss for _, loss in experiment.metrics(packing)])
    assert len(losses[0]) == 2
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)


def test_an_epoch_ends_alike_whatever_the_packing_and_accumulation(experiment):
    """Also where the step's videos are dealt into three micro-batches."""
    runs = [("clip", "1"), ("tree", "1"), ("tree", "3")]
    losses = []
    for packing, accumulate in runs:
        name = f"{packing}-{accumulate}"
        options = ("--data.packing", packing, "--trainer.accumulate_grad_batches", accumulate)
        assert experiment("fit", *SAME[:4], *options, name=name) == 0
        losses.append([loss for _, loss in experiment.metrics(name, "val/loss")])
    assert losses[0]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)
