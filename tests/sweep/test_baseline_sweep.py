"""`vn baseline` as the command of a sweep: `vn sweep` alone, and `wandb agent` with the stand-in for W&B's server."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import echo_writer
import pytest
import yaml
from agents import AGENT, Place, mirrored, wait, without_stories
from hold import environment, wait_for
from made_up import write_data
from wandb_server import ENTITY, Server

from vn.cli import main
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.score.settings import ScoreSettings

QUICK = ("--sentences=none", "--judge=none")


@pytest.fixture
def path(tmp_path, monkeypatch):
    echo_writer.register(monkeypatch)
    return echo_writer.for_processes(tmp_path / "site")


@pytest.fixture
def grid(data, tmp_path, path, monkeypatch):
    """Writes a sweep; gives the arguments of ``vn sweep``."""
    monkeypatch.setenv("PYTHONPATH", path)

    def written(parameters, *flags):
        command = ["${env}", "vn", "baseline", "--data", str(data), *QUICK, *flags, "${args}"]
        file = tmp_path / "grid.yaml"
        content = {"method": "grid", "parameters": parameters, "command": command}
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        return ["sweep", str(file), "--runs", str(tmp_path / "runs")]

    return written


def states(folder):
    return {p["name"]: p["state"] for p in json.loads((folder / "sweep.json").read_text())["points"]}


@pytest.mark.timeout(600)
def test_a_sweep_over_names_is_a_study_of_systems(grid, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("WANDB_MODE")
    options = tmp_path / "options.yaml"
    options.write_text("parrot: {style: loud}\n")
    args = grid({"baseline": {"values": ["echo", "parrot"]}, "seed": {"value": 1}}, "--config", str(options))
    assert main(args) == 0
    folder = tmp_path / "runs" / "grid"
    assert states(folder) == {"echo": "finished", "parrot": "finished"}
    (log,) = (folder / "parrot" / "wandb").glob("offline-run-*/run-*.wandb")
    point = next(p for p in json.loads((folder / "sweep.json").read_text())["points"] if p["name"] == "parrot")
    assert log.stem == f"run-{point['id']}"
    before = (folder / "echo" / "scores.json").stat().st_mtime_ns
    assert main(args) == 0
    assert "2 of 2 points were finished before" in capsys.readouterr().out
    assert (folder / "echo" / "scores.json").stat().st_mtime_ns == before
    found = study(*find_runs([folder]), ScoreSettings())
    assert [(v.name, [run.seed for run in v.runs]) for v in found.variants] == [
        ("echo, loud", [1]),
        ("echo, plain", [1]),
    ]


@pytest.mark.timeout(600)
def test_a_stopped_sweep_goes_on_and_a_point_without_scores_is_finished_too(grid, data, tmp_path, path):
    gate, calls = tmp_path / "gate", tmp_path / "calls"
    args = grid(
        {"baseline": {"value": "echo"}, "seed": {"values": [3]}}, f"--gate={gate}", f"--calls={calls}", "--no-score"
    )
    gate.write_text("test-0-2:0:predicted")
    process = subprocess.Popen(
        [sys.executable, "-m", "vn.cli", *args], env=environment(PYTHONPATH=path), stdout=subprocess.PIPE, text=True
    )
    wait_for(process, Path(f"{gate}.reached").exists)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 143, out
    folder = tmp_path / "runs" / "grid"
    assert list(states(folder).values()) == ["stopped"]
    gate.unlink()
    assert main(args) == 0
    assert list(states(folder).values()) == ["finished"]
    asked = calls.read_text().splitlines()
    assert len(asked) == len(set(asked))
    assert main(args) == 0
    assert calls.read_text().splitlines() == asked


@pytest.mark.parametrize(
    ("parameters", "flags", "message"),
    [
        ({"baseline": {"value": "ehco"}}, (), "no baseline 'ehco' (did you mean 'echo'?)"),
        ({"baseline": {"value": "echo"}, "limit": {"value": 0}}, (), "argument --limit: expected 1 or more, got 0"),
        ({"baseline": {"value": "echo"}}, ("--videos=nowhere",), "nowhere: --videos: no such folder of videos"),
        ({"baseline": {"value": "echo"}}, ("--config=none.yaml",), "none.yaml: No such file"),
    ],
)
def test_a_dry_run_names_what_would_fail(grid, tmp_path, capsys, parameters, flags, message):
    assert main([*grid(parameters, *flags), "--dry-run"]) == 2
    problems = [line for line in capsys.readouterr().err.splitlines() if line.startswith("would fail: ")]
    assert len(problems) == 1
    assert message in problems[0]
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_of_what_would_work_says_nothing(grid, capsys):
    assert main([*grid({"baseline": {"value": "echo"}, "seed": {"values": [1, 2]}}), "--dry-run"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_wandb_agents_run_it_and_a_preempted_point_goes_on(data, tmp_path):
    """Three points: one fails, one is preempted by SIGTERM and handed out again, one has its own way."""
    gate, calls = tmp_path / "gate", tmp_path / "calls"
    with_frames = write_data(tmp_path / "shown", thumbs=True)
    with Server() as server:
        place = Place(tmp_path, server.environment(tmp_path / "home"))
        place.environment["PYTHONPATH"] = echo_writer.for_processes(tmp_path / "site")
        command = ["${env}", "vn", "baseline", "--data", str(with_frames), *QUICK, f"--gate={gate}", f"--calls={calls}"]
        command += ["--runs", str(tmp_path / "runs" / "grid"), "${args}"]
        parameters = {"baseline": {"value": "echo"}, "style": {"values": ["calm", "broken", "loud"]}}
        file = tmp_path / "grid.yaml"
        content = {"method": "grid", "parameters": parameters, "command": command}
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        gate.write_text("test-0-2:0:predicted")
        place.run("wandb", "sweep", str(file))
        agent = place.start(sys.executable, "-c", AGENT, "agent", f"{ENTITY}/toy/sweep0", log="agent")
        wait(Path(f"{gate}.reached").exists)
        (victim,) = (tmp_path / "runs" / "grid").iterdir()
        os.kill(int((victim / ".lock").read_text().split()[0]), signal.SIGTERM)
        gate.unlink()
        assert agent.wait(timeout=900) == 0
        assert server.unknown == []
        read = place.read(f"{ENTITY}/toy", "sweep0")
        assert {r["config"]["style"]: r["state"] for r in read.values()} == {
            "calm": "finished",
            "broken": "failed",
            "loud": "finished",
        }
        assert ("resume", victim.name) in [(c["type"], c.get("run_id")) for c in server.commands]
        for name, run in read.items():
            folder = tmp_path / "runs" / "grid" / name
            if run["state"] == "finished":
                assert run["config"]["cfg"]["system"] == f"echo, {run['config']['style']}"
                assert without_stories(run["history"]) == mirrored(folder)
                scores = json.loads((folder / "scores.json").read_text())
                assert run["summary"]["test/predicted/cider"] == pytest.approx(scores["predicted"]["cider"]["value"])
                tables = [key for row in run["history"] for key in row if key.startswith("stories/")]
                assert sorted(tables) == ["stories/given", "stories/predicted"]
                (made,) = (
                    id
                    for id, a in server.artifacts.items()
                    if (a["runName"], a["artifactTypeName"]) == (name, "predictions")
                )
                assert server.blobs[f"{made}/scores.json"] == (folder / "scores.json").read_bytes()
        asked = calls.read_text().splitlines()
        assert len(asked) == 2 * len(set(asked)), "two points, nothing asked twice"
