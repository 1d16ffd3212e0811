"""Runs `vn` in separate processes."""

import json
import subprocess
import sys

import torch
from hold import environment

ZERO = "vn.train.strategy.ZeroStrategy"


def zero(stage):
    """A strategy on the command line; nothing is too small to be sharded."""
    return json.dumps({"class_path": ZERO, "init_args": {"stage": stage, "persistence_threshold": 0}})


def launch(experiment, *args, name, command="fit", code=0, timeout=400):
    words = [sys.executable, "-m", "vn.cli", command, "--config", str(experiment.config)]
    words += ["--runs", str(experiment.folder / "runs"), "--name", name, *args]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=timeout)
    assert done.returncode == code, done.stderr[-4000:]
    return done.stderr


def engine_states(checkpoint):
    """What DeepSpeed's engine keeps of the model in a checkpoint folder: each rank's file and what it holds."""
    files = sorted((checkpoint / "checkpoint").glob("*model_states.pt"))
    return {file: torch.load(file, weights_only=True) for file in files}


def is_trained(name):
    """Whether a name in a checkpoint is that of what is trained, or of the statistics of the features."""
    return "lora_" in name or "projector" in name or "position" in name or name.endswith((".mean", ".std"))
