"""`vn fit` killed at random moments, and started again with the same command."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest


def start(experiment, name):
    command = [sys.executable, "-m", "vn.cli", "fit", "--config", str(experiment.config), "--checkpoint_every", "3"]
    command += ["--runs", str(experiment.folder / "runs"), "--name", name, "--trainer.max_epochs", "40"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.slow
def test_a_killed_fit_goes_on_and_finishes(experiment):
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
    assert sorted(p.name for p in (experiment.run_folder("killed") / "adapter").iterdir()) == sorted(
        p.name for p in (experiment.run_folder("whole") / "adapter").iterdir()
    )
    assert experiment.metrics("killed")[-1][0] >= experiment.metrics("whole")[-1][0] - 4


@pytest.mark.slow
@pytest.mark.xfail(strict=True, reason="known: the update right after a checkpoint on an epoch's last step differs")
def test_resuming_again_and_again_gives_the_same_losses(experiment, monkeypatch):
    """Cut three times, once so that the checkpoint lies on an epoch's last step."""
    from vn.train.module import NarratorModule

    class Cut(Exception):
        pass

    plain = NarratorModule.training_step
    args = ("--checkpoint_every", "3", "--trainer.max_epochs", "5")
    assert experiment("fit", *args, name="whole") == 0
    for at in (7, 11, 14):

        def cut(self, batch, batch_idx, at=at):
            if self.trainer.global_step == at:
                raise Cut
            return plain(self, batch, batch_idx)

        monkeypatch.setattr(NarratorModule, "training_step", cut)
        with pytest.raises(Cut):
            experiment("fit", *args, name="cut")
    monkeypatch.setattr(NarratorModule, "training_step", plain)
    assert experiment("fit", *args, name="cut") == 0
    assert dict(experiment.metrics("whole")) == dict(experiment.metrics("cut"))
