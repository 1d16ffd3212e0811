"""`vn fit` killed at many moments, and started again with the same command; real processes."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from hold import Gate, environment, wait_for
from safetensors.torch import load_file

NEWS = ("Seed set to", "GPU available", "TPU available", "Restor", "INFO:")


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path)


def start(experiment, name, *args, command="fit"):
    words = [sys.executable, "-m", "vn.cli", command, "--config", str(experiment.config), "--checkpoint_every", "3"]
    words += ["--runs", str(experiment.folder / "runs"), "--name", name, *args]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(words, env=environment(), start_new_session=True, **pipes)


def assert_same_end(experiment, a, b):
    assert experiment.metrics(a) == experiment.metrics(b)
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(experiment.run_folder(n) / "adapter" / file) for n in (a, b))
        assert all(ours[key].equal(theirs[key]) for key in ours)


def test_sigterm_saves_at_the_steps_end_and_the_same_command_goes_on(experiment, gate):
    args = ("--checkpoint_every", "1000", *gate.flags)
    gate.close("step 4")
    stopped = start(experiment, "stopped", *args)
    gate.wait(stopped, "stopped")
    stopped.send_signal(signal.SIGTERM)
    _, error = stopped.communicate(timeout=300)
    assert stopped.returncode == 143, error
    said = [line for line in error.splitlines() if line and not line.startswith(NEWS)]
    assert said == ["vn fit: stopped by SIGTERM; repeat the command to continue"]
    assert (experiment.run_folder("stopped") / "checkpoints" / "last.ckpt").exists()
    assert not (experiment.run_folder("stopped") / "adapter").exists()
    assert len(experiment.metrics("stopped")) == 4
    gate.open()
    assert experiment("fit", *args, name="stopped") == 0
    assert experiment("fit", *args, name="whole") == 0
    assert len(experiment.metrics("whole")) > 4
    assert_same_end(experiment, "stopped", "whole")


def test_sigterm_before_training_ends_the_process_at_once(experiment, gate):
    gate.close("setup")
    process = start(experiment, "early", *gate.flags)
    gate.wait(process, "early")
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 143, error
    assert "Traceback" not in error
    gate.open()
    assert experiment("fit", *gate.flags, name="early") == 0


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_twenty_kills_end_in_the_same_weights(experiment, gate):
    """At any moment after a checkpoint; on a machine so fast that it would be done by then, it waits further on."""
    args = ("--trainer.max_epochs", "30", *gate.flags)
    whole = start(experiment, "whole", *args)
    _, error = whole.communicate(timeout=900)
    assert whole.returncode == 0, error[-2000:]
    last = experiment.run_folder("killed") / "checkpoints" / "last.ckpt"
    moments = random.Random(0)
    for kill in range(20):
        gate.close(f"step {6 * kill + 10}")  # each kill is behind a new checkpoint, and before this step
        before = last.stat().st_mtime_ns if last.exists() else 0
        process = start(experiment, "killed", *args)
        wait_for(process, lambda before=before: last.exists() and last.stat().st_mtime_ns > before)
        time.sleep(moments.uniform(0, 0.5))
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=300)
    assert not (experiment.run_folder("killed") / "adapter").exists()
    gate.open()
    process = start(experiment, "killed", *args)
    _, error = process.communicate(timeout=900)
    assert process.returncode == 0, error[-2000:]
    assert_same_end(experiment, "killed", "whole")
