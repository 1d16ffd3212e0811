"""Two CPU processes train like one."""

import json

import pytest
import torch
from launch import launch
from safetensors.torch import load_file


def test_two_ranks_equal_one(experiment):
    """Same steps, same weights, and a test set written once, whatever the ranks (docs/design.md#order-of-training)."""
    same = ("--model.lora.dropout", "0.0", "--trainer.max_epochs", "1")
    assert experiment("run", *same, name="one") == 0
    launch(experiment, *same, "--trainer.devices", "2", "--trainer.strategy", "ddp", name="two", command="run")
    assert [s for s, _ in experiment.metrics("one")] == [s for s, _ in experiment.metrics("two")]
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        a, b = (load_file(experiment.run_folder(n) / "adapter" / file) for n in ("one", "two"))
        for key in a:
            torch.testing.assert_close(a[key], b[key], rtol=1e-3, atol=1e-4)
    places = [[(x["video"], x["clip"]) for x in experiment.predictions(name=n)] for n in ("one", "two")]
    assert places[0] == places[1]

    # The same weights on two ranks write the very same stories.
    adapter = ("--adapter", str(experiment.run_folder("one") / "adapter"), "--out", str(experiment.folder / "again"))
    ranks = ("--trainer.devices", "2", "--trainer.strategy", "ddp")
    launch(experiment, *same, *adapter, *ranks, name="one", command="predict")
    for setting in ("predicted", "given"):
        text = (experiment.folder / "again" / f"predictions.{setting}.jsonl").read_text(encoding="utf-8")
        for a, b in zip(experiment.predictions(setting, "one"), map(json.loads, text.splitlines()), strict=True):
            assert a.pop("label_odds") == pytest.approx(b.pop("label_odds"), abs=1e-3)
            assert a == b
