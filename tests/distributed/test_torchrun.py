"""experiments/launch/torchrun.sh, with two local "nodes" of one process each."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "launch" / "torchrun.sh"


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "zero2"])
def test_two_nodes_train_and_test_as_one_process_does(experiment, strategy):
    args = ("--model.lora.dropout", "0.0", "--trainer.max_epochs", "1")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        **{"NODES": "2", "GPUS": "1", "HOST": f"localhost:{port}"},
    }
    words = [SCRIPT, "run", "--config", experiment.config, "--runs", experiment.folder / "runs", "--name", "two", *args]
    words += ["--trainer.strategy", strategy]
    nodes = [subprocess.Popen(list(map(str, words)), env=env, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for node in nodes:
        _, error = node.communicate(timeout=200)
        assert node.returncode == 0, error[-3000:]
    assert experiment("run", *args, name="one") == 0
    for key in ("train/loss", "train/grad_norm"):
        two, one = (dict(experiment.metrics(name, key)) for name in ("two", "one"))
        assert two == pytest.approx(one, rel=1e-5)
    places = [[(x["video"], x["clip"]) for x in experiment.predictions(name=n)] for n in ("one", "two")]
    assert places[0] == places[1]
