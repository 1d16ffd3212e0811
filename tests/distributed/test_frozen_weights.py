"""No checkpoint contains a frozen weight: not under a second name, nor the quantization state of 4-bit weights."""

import signal
import subprocess
import sys

import pytest
import torch
from hold import Gate, environment
from launch import engine_states, is_trained, launch, zero
from safetensors.torch import load_file
from torch import nn
from toy_experiment import Experiment

from vn.train.checkpoint_io import without_frozen

ONE = ("--trainer.devices", "1", "--trainer.strategy")
HEAD = "narrator.llm.base_model.model.lm_head.weight"


@pytest.fixture
def tied(tmp_path, tied_base, data):
    """The toy experiment on a base model whose head is its input embedding."""
    return Experiment(tmp_path, tied_base, data)


def checkpoint_of(experiment, name):
    return experiment.run_folder(name) / "checkpoints" / "last.ckpt"


def test_what_two_layers_share_is_known_by_what_it_is_not_by_its_name():
    model = nn.ModuleDict(
        {"embedding": nn.Embedding(4, 3), "head": nn.Linear(3, 4, bias=False), "norm": nn.BatchNorm1d(3)}
    )
    model["head"].weight = model["embedding"].weight
    model["again"] = model["head"]
    model.requires_grad_(False)
    model["norm"].weight.requires_grad_(True)
    state = {**model.state_dict(), "head.weight.absmax": torch.ones(1)}  # as layers in 4 bits add some
    assert len(state) == 9
    assert sorted(without_frozen(state, model)) == [
        "norm." + x for x in ("num_batches_tracked", "running_mean", "running_var", "weight")
    ]
    model["head"].weight.requires_grad_(True)
    assert {"embedding.weight", "head.weight", "again.weight"} <= without_frozen(state, model).keys()


def test_lightnings_own(tied):
    assert tied("fit", "--checkpoint_every", "3", "--trainer.max_epochs", "1", name="plain") == 0
    state = torch.load(checkpoint_of(tied, "plain"), weights_only=True)["state_dict"]
    assert any("projector" in name for name in state)
    assert all(map(is_trained, state))


def test_zero(tied):
    pytest.importorskip("deepspeed", reason="ZeRO is DeepSpeed's")
    launch(tied, "--checkpoint_every", "3", "--trainer.max_epochs", "1", *ONE, zero(2), name="zero")
    (state,) = engine_states(checkpoint_of(tied, "zero")).values()
    assert any("projector" in name for name in state["module"])
    assert all(map(is_trained, state["module"]))
    assert not state["frozen_param_fragments"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
@pytest.mark.parametrize("older", [False, True], ids=["as it is", "as it was written before"])
def test_a_run_goes_on_from_such_a_checkpoint(tied, tied_base, stage, older):
    pytest.importorskip("deepspeed", reason="ZeRO is DeepSpeed's")
    gate = Gate(tied.folder)
    args = ("--trainer.devices", "2", "--trainer.strategy", zero(stage), "--checkpoint_every", "1000", *gate.flags)
    gate.close("step 4")
    words = [sys.executable, "-m", "vn.cli", "fit", "--config", str(tied.config), "--name", "stopped", *args]
    process = subprocess.Popen([*words, "--runs", str(tied.folder / "runs")], env=environment(), stderr=subprocess.PIPE)
    try:
        gate.wait(process, "stopped")
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 143, error[-3000:]
    gate.open()
    states = engine_states(checkpoint_of(tied, "stopped"))
    assert len(states) == (2 if stage == 3 else 1)
    for file, state in states.items():
        assert all(map(is_trained, state["module"]))
        if older:
            head = load_file(tied_base / "model.safetensors")["model.embed_tokens.weight"]
            state["module"][HEAD] = torch.empty(0) if stage == 3 else head
            torch.save(state, file)
    for name in ("stopped", "whole"):
        launch(tied, *args, name=name)
    assert tied.metrics("stopped") == tied.metrics("whole")
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(tied.run_folder(n) / "adapter" / file) for n in ("stopped", "whole"))
        assert all(ours[key].equal(theirs[key]) for key in ours)


@pytest.mark.slow
def test_zero_over_four_bits(tied):
    pytest.importorskip("deepspeed", reason="ZeRO is DeepSpeed's")
    pytest.importorskip("bitsandbytes")
    args = ("--checkpoint_every", "3", "--trainer.max_epochs", "1", "--model.quantization", "nf4", *ONE, zero(2))
    launch(tied, *args, name="zero")
    (state,) = engine_states(checkpoint_of(tied, "zero")).values()
    assert all(map(is_trained, state["module"]))
