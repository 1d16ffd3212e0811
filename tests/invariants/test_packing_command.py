"""Packing changes no run, whatever is switched off: through the command, fp32, no dropout."""

import json
import shutil
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


def test_a_sliding_window_shorter_than_a_prompt_may_be_is_one_line_and_exit_code_2(
    experiment, tiny_base, tmp_path, capsys
):
    base = tmp_path / "mistral"
    shutil.copytree(tiny_base, base)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(
        json.dumps({**config, "model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 512})
    )
    assert experiment("fit", "--model.base_model", str(base)) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    message = "model.max_length: the base model attends to 512 tokens back, fewer than the 4096 that a prompt may have"
    assert message in said
    fits = ("--model.max_length", "512", "--trainer.max_steps", "1", "--trainer.limit_val_batches", "0")
    assert experiment("fit", "--model.base_model", str(base), *fits, name="fits") == 0


@pytest.mark.parametrize(
    ("attention", "message"),
    [("flex", "flex trains on CUDA only; use sdpa"), ("varlen", "varlen runs on CUDA only, not on cpu; use sdpa")],
)
def test_a_kernel_for_cuda_on_the_cpu_is_one_line_and_exit_code_2(experiment, capsys, attention, message):
    assert experiment("fit", "--model.attention", attention) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == f"vn fit: error: model.attention: {message}"


def test_a_run_may_go_on_with_another_kernel(experiment):
    """As on a machine with a GPU."""
    options = ("--trainer.max_epochs", "1", "--trainer.limit_val_batches", "0")
    assert experiment("fit", *options, "--trainer.max_steps", "1", "--model.attention", "sdpa") == 0
    assert experiment("fit", *options, "--trainer.max_steps", "1", "--model.attention", "auto") == 0
