"""The same loss and gradient norm, step by step, however the work is divided; real processes, one command line."""

import json

import pytest
import torch
from launch import engine_states, is_trained, launch, zero
from safetensors.torch import load_file
from toy_experiment import Experiment

pytest.importorskip("deepspeed", reason="ZeRO is DeepSpeed's")

SAME = ("--model.lora.dropout", "0.0", "--trainer.max_epochs", "1", "--trainer.gradient_clip_val")
OFF, ABOVE, BELOW = "0", "2.0", "0.5"  # the norms of these steps lie between 0.9 and 1.2
TWO = ("--trainer.devices", "2", "--trainer.strategy")


def curves(experiment, name):
    """Loss and gradient norm of each step."""
    return [experiment.metrics(name, key) for key in ("train/loss", "train/grad_norm")]


def assert_equal_curves(experiment, a, b, rel=1e-5):
    for ours, theirs in zip(curves(experiment, a), curves(experiment, b), strict=True):
        assert len(ours) == 5
        assert dict(ours) == pytest.approx(dict(theirs), rel=rel)


def assert_equal_weights(experiment, a, b):
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(experiment.run_folder(n) / "adapter" / file) for n in (a, b))
        assert ours.keys() == theirs.keys()
        for key in ours:
            torch.testing.assert_close(ours[key], theirs[key], rtol=1e-3, atol=1e-4)


def places(experiment, name):
    return [(x["video"], x["clip"]) for x in experiment.predictions(name=name)]


@pytest.mark.parametrize("clip", [OFF, ABOVE, BELOW])
@pytest.mark.parametrize("accumulate", ["3", "8"])
def test_accumulated_equals_at_once(experiment, accumulate, clip):
    """1 x 8 = 8 x 1: however many micro-batches, empty ones too."""
    assert experiment("fit", *SAME, clip, name="once") == 0
    assert experiment("fit", *SAME, clip, "--trainer.accumulate_grad_batches", accumulate, name="parts") == 0
    assert_equal_curves(experiment, "once", "parts")


def test_zero2_trains_and_tests_as_one_process_does(experiment):
    """Accumulated, with a threshold above the norms; and the test set is written once, by a whole model."""
    args = (*SAME, ABOVE)
    assert experiment("run", *args, name="one") == 0
    launch(experiment, *args, *TWO, zero(2), "--trainer.accumulate_grad_batches", "2", name="two", command="run")
    assert_equal_curves(experiment, "one", "two")
    assert_equal_weights(experiment, "one", "two")
    assert places(experiment, "one") == places(experiment, "two")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("clip", [OFF, ABOVE, BELOW])
def test_two_processes_equal_one_under_every_strategy(experiment, clip):
    """DDP = ZeRO-2 = ZeRO-3 = one process, also accumulated: 2 ranks x 4 = 1 x 8 = 8 x 1."""
    args = (*SAME, clip)
    assert experiment("fit", *args, name="one") == 0
    for kind, strategy in {"ddp": "ddp", "zero2": zero(2), "zero3": zero(3)}.items():
        for accumulate in ("1", "4"):
            name = f"{kind}-{accumulate}"
            launch(experiment, *args, *TWO, strategy, "--trainer.accumulate_grad_batches", accumulate, name=name)
            assert_equal_curves(experiment, "one", name)
            assert_equal_weights(experiment, "one", name)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "strategy"), [("ddp", "ddp"), ("zero2", zero(2))])
def test_four_bits_on_two_processes(tmp_path, wide_base, data, kind, strategy):
    """QLoRA on several devices: the same curves as on one."""
    pytest.importorskip("bitsandbytes")
    experiment = Experiment(tmp_path, wide_base, data)
    args = (*SAME, ABOVE, "--model.quantization", "nf4")
    assert experiment("run", *args, name="one") == 0
    launch(experiment, *args, *TWO, strategy, name=kind, command="run")
    assert_equal_curves(experiment, "one", kind)
    assert_equal_weights(experiment, "one", kind)
    assert places(experiment, "one") == places(experiment, kind)


@pytest.mark.slow
def test_zero3_holds_the_base_model_in_shards_and_tests_a_whole_one(experiment):
    launch(experiment, *SAME, OFF, *TWO, zero(3), "--keep", "best", name="sharded", command="run")
    checkpoint = experiment.run_folder("sharded") / "checkpoints" / "last.ckpt"
    assert json.loads((checkpoint / "engine.json").read_text()) == {"ranks": 2, "stage": 3}
    states = engine_states(checkpoint)
    assert len(states) == 2
    for state in states.values():
        assert all(map(is_trained, state["module"]))
    assert experiment("run", *SAME, OFF, "--keep", "best", name="one") == 0
    assert_equal_weights(experiment, "one", "sharded")
    assert places(experiment, "one") == places(experiment, "sharded")
    launch(experiment, *TWO, zero(3), name="sharded", command="validate")  # of the whole model, too


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_bf16_with_checkpointing_trains_and_saves_what_the_optimizer_holds(experiment, stage):
    """The adapter has the master weights, in float32, not the engine's rounded copy."""
    args = ("--trainer.precision", "bf16-mixed", "--model.gradient_checkpointing", "true", "--keep", "best")
    assert experiment("fit", *SAME, ABOVE, name="one") == 0
    launch(experiment, *SAME, ABOVE, *args, *TWO, zero(stage), name="half")
    assert_equal_curves(experiment, "one", "half", rel=0.05)
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        for name, value in load_file(experiment.run_folder("half") / "adapter" / file).items():
            assert value.dtype == torch.float32
            assert name in ("mean", "std") or not value.equal(value.bfloat16().float()), name
