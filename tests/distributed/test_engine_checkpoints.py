"""Resuming, stopping and damage under ZeRO and DDP; two real processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from hold import Gate, environment
from launch import launch, zero
from made_up import damage
from safetensors.torch import load_file

pytest.importorskip("deepspeed", reason="ZeRO is DeepSpeed's")

# The fault is in a file that all processes of a run import, since Lightning's launcher starts them anew.
FAULTY = """
import os, sys
from vn.narrator import VideoNarrator
plain = VideoNarrator.forward
def forward(self, batch):
    loss = plain(self, batch)
    return loss * float("nan") if any(key.startswith("train-2-6#") for key in batch.keys) else loss
VideoNarrator.forward = forward
from vn.cli import main
sys.exit(main())
"""
TERMINATED = """
import os, signal, sys
from vn.train.module import NarratorModule
plain = NarratorModule.validation_step
def validation_step(self, batch, batch_idx):
    if self.global_rank == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    return plain(self, batch, batch_idx)
NarratorModule.validation_step = validation_step
from vn.cli import main
sys.exit(main())
"""
TWO = ("--trainer.devices", "2", "--trainer.strategy")
pytestmark = pytest.mark.slow


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


@pytest.fixture
def start(experiment):
    """Starts a `vn fit`, and leaves none behind."""
    processes = []

    def begin(name, *args, words=("-m", "vn.cli")):
        command = [sys.executable, *words, "fit", "--config", str(experiment.config)]
        command += ["--runs", str(experiment.folder / "runs"), "--name", name, *args]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
        processes.append(subprocess.Popen(command, env=environment(), **pipes))
        return processes[-1]

    yield begin
    for process in processes:
        kill(process)


def kill(process):
    """End a process and those it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)


def assert_same_end(experiment, a, b):
    assert experiment.metrics(a) == experiment.metrics(b)
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(experiment.run_folder(n) / "adapter" / file) for n in (a, b))
        assert all(ours[key].equal(theirs[key]) for key in ours)


@pytest.mark.parametrize("strategy", ["ddp", zero(2), zero(3)], ids=["ddp", "zero2", "zero3"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_stopped_and_resumed_equals_uninterrupted(experiment, start, gate, strategy, how):
    """SIGTERM goes to the first process alone, as `kill` does it; dropout is on."""
    args = (*TWO, strategy, "--checkpoint_every", "3" if how == signal.SIGKILL else "1000", *gate.flags)
    checkpoint = experiment.run_folder("stopped") / "checkpoints" / "last.ckpt"
    gate.close("step 4")
    process = start("stopped", *args)
    gate.wait(process, "stopped")
    if how == signal.SIGKILL:
        assert checkpoint.exists()
        kill(process)
    else:
        process.send_signal(how)
        _, error = process.communicate(timeout=300)
        assert process.returncode == 143, error[-3000:]
        assert error.count("stopped by SIGTERM") == 1
        assert checkpoint.exists()
    assert not (experiment.run_folder("stopped") / "adapter").exists()
    gate.open()
    launch(experiment, *args, name="stopped")
    launch(experiment, *args, name="whole")
    assert_same_end(experiment, "stopped", "whole")


@pytest.mark.parametrize("strategy", ["ddp", zero(2), zero(3)], ids=["ddp", "zero2", "zero3"])
def test_sigterm_within_a_validation(experiment, start, strategy):
    """Heard at once by all ranks; the validation is run first when the same command goes on."""
    args = (*TWO, strategy, "--trainer.max_epochs", "2", "--checkpoint_every", "1000", "--keep", "best")
    program = experiment.folder / "terminated.py"
    program.write_text(TERMINATED)
    for _ in range(2):
        process = start("stopped", *args, words=(str(program),))
        _, error = process.communicate(timeout=300)
        assert process.returncode == 143, error[-3000:]
        assert error.count("stopped by SIGTERM") == 1
        assert experiment.metrics("stopped", "val/loss") == []
    launch(experiment, *args, name="stopped")
    launch(experiment, *args, name="whole")
    assert experiment.metrics("stopped", "val/loss") == experiment.metrics("whole", "val/loss") != []
    assert_same_end(experiment, "stopped", "whole")


@pytest.mark.parametrize("stage", [2, 3])
def test_another_number_of_ranks_is_refused_and_may_start_from_the_weights(experiment, start, gate, stage):
    args = ("--trainer.max_epochs", "8", "--checkpoint_every", "3", "--model.lora.dropout", "0.0", *gate.flags)
    gate.close("step 4")
    process = start("run", *TWO, zero(stage), *args)
    checkpoint = experiment.run_folder("run") / "checkpoints" / "last.ckpt"
    gate.wait(process, "run")
    kill(process)
    gate.open()
    more = ("--trainer.devices", "1", "--trainer.strategy")
    error = launch(experiment, *args, *more, zero(stage), name="run", code=2)
    assert "was written by 2 ranks, but there are now 1; --resume weights" in error
    error = launch(experiment, *args, *more, "auto", name="run", code=2)
    assert f"was written by zero{stage}, but training now uses no ZeRO; --resume weights" in error
    done = [step for step, _ in experiment.metrics("run")]
    launch(experiment, *args, *more, "auto", "--resume", "weights", name="run")
    assert experiment("fit", *args, name="whole") == 0
    ours, whole = dict(experiment.metrics("run")), dict(experiment.metrics("whole"))
    assert list(ours) == list(whole)  # the order and the schedule went on
    assert ours[done[0]] == pytest.approx(whole[done[0]], rel=1e-5)
    assert ours[list(ours)[-1]] == pytest.approx(whole[list(ours)[-1]], rel=0.1)
    assert checkpoint.is_file()  # of one process now


def test_from_one_process_to_zero_by_its_weights(experiment, start, gate):
    args = ("--trainer.max_epochs", "4", "--checkpoint_every", "3", *gate.flags)
    gate.close("step 4")
    process = start("run", *args)
    gate.wait(process, "run")
    kill(process)
    gate.open()
    assert "was not written by ZeRO" in launch(experiment, *args, *TWO, zero(3), name="run", code=2)
    launch(experiment, *args, *TWO, zero(3), "--resume", "weights", name="run")
    assert experiment("fit", *args, name="whole") == 0
    assert [s for s, _ in experiment.metrics("run")] == [s for s, _ in experiment.metrics("whole")]


def test_damaged_and_half_written_checkpoints_are_never_taken_for_whole(experiment, start, gate):
    args = (*TWO, zero(2), "--trainer.max_epochs", "2", "--checkpoint_every", "3", *gate.flags)
    gate.close("step 4")
    process = start("run", *args)
    checkpoint = experiment.run_folder("run") / "checkpoints" / "last.ckpt"
    gate.wait(process, "run")
    kill(process)
    gate.open()
    # Killed between two renames: the new one is whole, and stands beside.
    checkpoint.rename(checkpoint.with_name("last.ckpt.new"))
    (checkpoint.with_name("last.ckpt.old")).mkdir()
    shard = next((checkpoint.with_name("last.ckpt.new") / "checkpoint").glob("*optim_states.pt"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    assert "damaged checkpoint" in launch(experiment, *args, name="run", code=2)
    shard.write_bytes(whole)
    launch(experiment, *args, name="run")
    launch(experiment, *args, name="whole")
    assert_same_end(experiment, "run", "whole")
    assert sorted(p.name for p in checkpoint.parent.iterdir()) == ["last.ckpt"]
    # Killed while writing: without its marker it is nothing.
    assert json.loads((checkpoint / "engine.json").read_text())["ranks"] == 2


@pytest.mark.parametrize("strategy", ["ddp", zero(3)], ids=["ddp", "zero3"])
def test_a_loss_that_is_no_number_stops_all_ranks(experiment, start, tmp_path, strategy):
    script = tmp_path / "faulty.py"
    script.write_text(FAULTY)
    process = start("run", *TWO, strategy, words=(str(script),))
    _, error = process.communicate(timeout=240)
    assert process.returncode == 2, error[-3000:]
    said = [line for line in error.splitlines() if "error:" in line]
    assert len(said) == 1
    assert "the loss is nan at step" in said[0]
    assert "train-2-6#" in said[0]


@pytest.mark.parametrize("strategy", ["ddp", zero(2)], ids=["ddp", "zero2"])
def test_a_bad_sample_of_the_val_split_stops_all_ranks(experiment, data, tmp_path, strategy):
    copy = shutil.copytree(data, tmp_path / "copy")
    damage(copy, "val-0-2", split="val")
    error = launch(experiment, *TWO, strategy, "--data.folder", str(copy), name="run", code=2)
    said = [line for line in error.splitlines() if "error:" in line]
    assert len(said) == 1
    assert "val-0-2" in said[0]


@pytest.mark.parametrize("strategy", ["ddp", zero(2)], ids=["ddp", "zero2"])
def test_a_bad_sample_of_the_test_split_ends_all_ranks_behind_the_others(experiment, data, tmp_path, strategy):
    assert experiment("run", "--trainer.max_epochs", "1", name="run") == 0
    whole = experiment.predictions(name="run")
    copy = shutil.copytree(data, tmp_path / "copy")
    damage(copy, "test-0-1", "test-0-3", split="test")
    args = (*TWO, strategy, "--data.folder", str(copy))
    error = launch(experiment, *args, name="run", command="test", code=2)
    said = [line for line in error.splitlines() if "error:" in line.lower()]
    assert len(said) == 1, error
    assert all(each in said[0] for each in ("test-0-1", "(and 1 more)", "what was written is kept"))
    shutil.rmtree(copy)
    shutil.copytree(data, copy)
    launch(experiment, *args, name="run", command="test")
    assert experiment.predictions(name="run") == whole
