"""`vn fit` killed at random moments, and started again with the same command; real processes."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from safetensors.torch import load_file

NEWS = ("Seed set to", "GPU available", "TPU available", "Restor", "INFO:")


def start(experiment, name, *args, command="fit"):
    words = [sys.executable, "-m", "vn.cli", command, "--config", str(experiment.config), "--checkpoint_every", "3"]
    words += ["--runs", str(experiment.folder / "runs"), "--name", name, *args]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def wait_for(process, when, patience=300.0):
    """Wait until something holds, or the process is done."""
    deadline = time.monotonic() + patience
    while process.poll() is None and not when():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def assert_same_end(experiment, a, b):
    assert experiment.metrics(a) == experiment.metrics(b)
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(experiment.run_folder(n) / "adapter" / file) for n in (a, b))
        assert all(ours[key].equal(theirs[key]) for key in ours)


def logged(experiment, name):
    file = experiment.run_folder(name) / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0


def test_sigterm_saves_at_the_steps_end_and_the_same_command_goes_on(experiment):
    args = ("--trainer.max_epochs", "12", "--checkpoint_every", "1000")
    stopped = start(experiment, "stopped", *args)
    wait_for(stopped, lambda: logged(experiment, "stopped") > 3)
    stopped.send_signal(signal.SIGTERM)
    _, error = stopped.communicate(timeout=120)
    assert stopped.returncode == 143, error
    said = [line for line in error.splitlines() if line and not line.startswith(NEWS)]
    assert said == ["vn fit: stopped by SIGTERM; the same command goes on"]
    assert (experiment.run_folder("stopped") / "checkpoints" / "last.ckpt").exists()
    assert not (experiment.run_folder("stopped") / "adapter").exists()
    done = len(experiment.metrics("stopped"))
    assert experiment("fit", *args, name="stopped") == 0
    assert experiment("fit", *args, name="whole") == 0
    assert done < len(experiment.metrics("whole"))
    assert_same_end(experiment, "stopped", "whole")


def test_sigterm_before_training_ends_the_process_at_once(experiment):
    process = start(experiment, "early")
    wait_for(process, (experiment.run_folder("early") / "config.yaml").exists)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 143, error
    assert "Traceback" not in error
    assert experiment("fit", name="early") == 0


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_twenty_kills_end_in_the_same_weights(experiment):
    args = ("--trainer.max_epochs", "150")
    whole = start(experiment, "whole", *args)
    _, error = whole.communicate(timeout=900)
    assert whole.returncode == 0, error[-2000:]
    last = experiment.run_folder("killed") / "checkpoints" / "last.ckpt"
    moments = random.Random(0)
    for _ in range(20):
        before = last.stat().st_mtime_ns if last.exists() else 0
        process = start(experiment, "killed", *args)
        wait_for(process, lambda before=before: last.exists() and last.stat().st_mtime_ns > before)
        time.sleep(moments.uniform(0, 0.5))
        assert process.poll() is None, "it was done before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)
    assert not (experiment.run_folder("killed") / "adapter").exists()
    process = start(experiment, "killed", *args)
    _, error = process.communicate(timeout=900)
    assert process.returncode == 0, error[-2000:]
    assert_same_end(experiment, "killed", "whole")
