"""One of two processes is killed in training: the other ends, says why, and the same command goes on."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hold import Gate, environment
from launch import launch
from safetensors.torch import load_file

TWO = ("--trainer.devices", "2", "--trainer.strategy", "ddp", "--checkpoint_every", "3")


def other_rank(process):
    """The process that Lightning's launcher started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (rank,) = [int(pid) for pid in children if b"LOCAL_RANK=1" in Path(f"/proc/{pid}/environ").read_bytes()]
    return rank


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_dies_ends_the_run_and_the_same_command_goes_on(experiment, tmp_path, rank):
    gate = Gate(tmp_path)
    gate.close("step 4")
    words = [sys.executable, "-m", "vn.cli", "fit", "--config", str(experiment.config), "--name", "stopped", *TWO]
    words += ["--runs", str(experiment.folder / "runs"), *gate.flags]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    process = subprocess.Popen(words, env=environment(), **pipes)
    try:
        gate.wait(process, "stopped")
        os.kill(process.pid if rank == 0 else other_rank(process), signal.SIGKILL)
        gate.open()
        _, error = process.communicate(timeout=120)  # until both have closed it: neither goes on alone
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == (-signal.SIGKILL if rank == 0 else 1)
    assert "Traceback" not in error
    assert error.count("vn fit: error: another process of the run has ended") == 1
    assert not (experiment.run_folder("stopped") / "adapter").exists()
    again = launch(experiment, *TWO, *gate.flags, "--resume", "auto", name="stopped")
    assert "Restor" in again  # the checkpoint, not from the beginning
    launch(experiment, *TWO, *gate.flags, name="whole")
    assert experiment.metrics("stopped") == experiment.metrics("whole")
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(experiment.run_folder(n) / "adapter" / file) for n in ("stopped", "whole"))
        assert all(ours[key].equal(theirs[key]) for key in ours)
