"""`vn fit` killed at random moments, and started again with the same command."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file


def start(experiment, name):
    command = [sys.executable, "-m", "vn.cli", "fit", "--config", str(experiment.config), "--checkpoint_every", "3"]
    command += ["--runs", str(experiment.folder / "runs"), "--name", name, "--trainer.max_epochs", "40"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.slow
def test_a_killed_fit_goes_on_to_the_same_weights(experiment):
    whole = start(experiment, "whole")
    assert whole.wait(timeout=300) == 0
    checkpoints = experiment.run_folder("killed") / "checkpoints"
    moments = random.Random(0)
    for kill in range(3):
        process = start(experiment, "killed")
        patience = time.monotonic() + 120
        before = (checkpoints / "last.ckpt").stat().st_mtime_ns if kill else 0
        while time.monotonic() < patience and process.poll() is None:  # until it has got further, then some
            file = checkpoints / "last.ckpt"
            if file.exists() and file.stat().st_mtime_ns > before:
                break
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.7))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
    assert not (experiment.run_folder("killed") / "adapter").exists()
    last = start(experiment, "killed")
    assert last.wait(timeout=300) == 0, last.stderr.read()[-2000:]
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        a, b = (load_file(experiment.run_folder(n) / "adapter" / file) for n in ("whole", "killed"))
        for key in a:
            torch.testing.assert_close(a[key], b[key], rtol=0, atol=0)
