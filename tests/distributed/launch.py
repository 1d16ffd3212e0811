"""Runs `vn` in processes of its own."""

import json
import os
import subprocess
import sys

ZERO = "vn.train.strategy.ZeroStrategy"


def zero(stage):
    """A strategy on the command line; nothing is too small to be sharded."""
    return json.dumps({"class_path": ZERO, "init_args": {"stage": stage, "persistence_threshold": 0}})


def launch(experiment, *args, name, command="fit", code=0, timeout=400):
    words = [sys.executable, "-m", "vn.cli", command, "--config", str(experiment.config)]
    words += ["--runs", str(experiment.folder / "runs"), "--name", name, *args]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == code, done.stderr[-4000:]
    return done.stderr
