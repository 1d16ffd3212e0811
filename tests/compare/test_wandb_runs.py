"""vn compare with runs on W&B, against the stand-in for its server: the numbers are those of the run folder."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from wandb_server import ENTITY, Run, Server, Sweep

from vn.cli import main
from vn.compare.runs import find_runs


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The stand-in, as W&B's client finds it in this process and in those that it starts."""
    import wandb

    wandb.teardown()  # a client that an earlier test left would go on talking to that test's server
    for name in [n for n in os.environ if n.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    with Server() as server:
        for name, value in server.environment(tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        yield server
        wandb.teardown()


def train(experiment):
    """Train and test the toy online, in a process of its own; its run's id on the server is not its name."""
    words = ["run", "--config", str(experiment.config), "--runs", str(experiment.folder / "runs"), "--name", "toy"]
    done = subprocess.run(
        [sys.executable, "-m", "vn.cli", *words, "--trainer.logger=null", "--trainer.max_epochs=1"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]


def compare(out, *names):
    assert main(["compare", *names, "--out", str(out), "--no-pictures"]) == 0
    return (out / "compare.csv").read_text()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_read_from_wandb_gives_the_numbers_of_its_folder(experiment, server, tmp_path, capsys):
    train(experiment)
    (run,) = server.runs
    local = compare(tmp_path / "local", str(experiment.run_folder()))
    assert ",cider," in local

    fetched = tmp_path / "out" / "wandb-runs" / run
    assert compare(tmp_path / "out", f"wandb:{ENTITY}/toy/{run}") == local
    ((here,), _), ((there,), _) = find_runs([experiment.run_folder()]), find_runs([fetched])
    assert there.setup == here.setup, "so that both are seeds of one variant"
    assert list(there.curves) == [{k: v for k, v in row.items() if v is not None} for row in here.curves]
    assert there.scores == here.scores

    asked = len(server.log)
    assert compare(tmp_path / "out", f"wandb:{ENTITY}/toy/{run}") == local
    fetches = {operation for operation, _ in server.log[asked:]}
    assert not fetches & {"RunOutputArtifacts", "ArtifactMembershipFiles", "HistoryPage"}, "it is there"

    # An earlier test of the run, and numbers that are none.
    (id,) = (id for id, a in server.artifacts.items() if a["artifactTypeName"] == "predictions")
    server.artifacts = {"earlier": dict(server.artifacts[id]), **server.artifacts}
    server.blobs["earlier/predictions.given.jsonl"] = server.blobs["earlier/predictions.stale.jsonl"] = b"{"
    last = json.loads(server.runs[run].history[-1])["_step"]
    row = {"_step": last + 1, "trainer/global_step": 99, "train/loss": math.nan}
    server.runs[run].history.append(json.dumps(row))
    assert compare(tmp_path / "again", f"wandb:{ENTITY}/toy/{run}") == local
    lines = (tmp_path / "again" / "wandb-runs" / run / "metrics.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["train/loss"].lower() == "nan"

    # A sweep of it and of others, which are named.
    server.sweeps["grid"] = Sweep("grid", {"parameters": {}}, [])
    server.runs["bare"] = Run("bare", "grid", "finished", config={"cfg": {"value": {"ablation": "full"}}})
    server.runs["dead"] = Run("dead", "grid", "crashed")
    server.runs[run].sweep = "grid"
    capsys.readouterr()
    assert compare(tmp_path / "sweep", f"wandb:{ENTITY}/toy/sweeps/grid") == local
    error = capsys.readouterr().err
    assert "left out: bare (failed): the run has logged no predictions (its state on W&B is finished)" in error
    assert "left out: dead (failed): its state on W&B is crashed" in error
    assert server.unknown == []


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("tests/toy", "expected wandb:ENTITY/PROJECT/RUN or wandb:ENTITY/PROJECT/sweeps/SWEEP, got 'wandb:tests/toy'"),
        ("tests/toy/none", "wandb:tests/toy/none: W&B cannot provide it: Could not find run"),
        ("tests/toy/sweeps/none", "wandb:tests/toy/sweeps/none: W&B cannot provide it: Could not find sweep"),
        ("tests/toy/bare", "wandb:tests/toy/bare: the run has logged no predictions (its state on W&B is running)"),
        ("tests/toy/foreign", "wandb:tests/toy/foreign: its W&B config has no `cfg`: it is not a run of vn"),
    ],
)
def test_what_wandb_does_not_have_is_one_sentence_and_exit_code_2(server, tmp_path, capsys, path, message):
    server.runs["bare"] = Run("bare", None, config={"cfg": {"value": {"ablation": "full"}}})
    server.runs["foreign"] = Run("foreign", None, "finished", config={"lr": {"value": 1}})
    assert main(["compare", f"wandb:{path}", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert server.unknown == []


def test_a_server_that_refuses_half_way_is_one_sentence_too(server, tmp_path, capsys, monkeypatch):
    server.runs["bare"] = Run("bare", None, "finished", config={"cfg": {"value": {"ablation": "full"}}})
    monkeypatch.setattr(server, "on_RunOutputArtifacts", None, raising=False)
    assert main(["compare", f"wandb:{ENTITY}/toy/bare", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "wandb:tests/toy/bare: W&B cannot provide it: the stand-in knows no operation RunOutputArtifacts" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
