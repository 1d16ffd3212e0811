"""The benchmarks of training and writing still run, and their contestants give the same results."""

import os
import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_all_contestants_of_the_training_step_have_one_loss_and_the_counted_flops():
    command = [sys.executable, str(BENCHMARKS / "train.py"), "check"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(re.search(r"apart by (\S+) at most", done.stdout)[1]) < 1e-5
    apart = [float(x) for x in re.findall(r"\| ([+-]\d+\.\d) % \|", done.stdout)]
    assert len(apart) == 5
    assert max(map(abs, apart)) <= 0.5  # of the counted FLOPs, in per cent


def test_all_contestants_of_writing_read_the_same():
    command = [sys.executable, str(BENCHMARKS / "generate.py"), "check"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "One first token of each of 4 narrations" in done.stdout
