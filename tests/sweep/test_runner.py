"""``vn sweep`` on a toy grid, with real processes: one point fails, one is stopped and resumed."""

import json
import os
import signal
import subprocess
import sys

import pytest
import yaml
from hold import Gate, environment

from vn.cli import main


@pytest.fixture
def sweep(experiment):
    """Writes a grid over the toy experiment; gives the arguments of ``vn sweep``."""

    def written(parameters, *flags):
        file = experiment.folder / "grid.yaml"
        command = ["${env}", "vn", "run", "--config", str(experiment.config), "--config", "${args_json}", *flags]
        file.write_text(
            yaml.safe_dump({"method": "grid", "parameters": parameters, "command": command}, sort_keys=False)
        )
        return ["sweep", str(file), "--runs", str(experiment.folder / "runs")]

    return written


def points(experiment):
    record = json.loads((experiment.folder / "runs" / "grid" / "sweep.json").read_text())
    return {point["name"]: point for point in record["points"]}


def test_a_grid_runs_goes_on_after_a_failure_and_skips_what_is_finished(experiment, sweep, capsys, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    args = sweep({"model.lora.rank": {"values": [-1, 2, 4]}}, "--trainer.logger=null")
    assert main([*args, "--parallel", "2"]) == 1
    said = capsys.readouterr()
    assert "grid: 2 finished, 1 failed" in said.out
    assert "failed: rank-1: vn run: error: " in said.err
    assert "model.lora.rank: expected 0 to 100000, got -1 (exit code 2)" in said.err
    found = points(experiment)
    assert {name: point["state"] for name, point in found.items()} == {
        "rank-1": "failed",
        "rank2": "finished",
        "rank4": "finished",
    }
    assert found["rank4"]["parameters"] == {"model.lora.rank": 4}
    assert found["rank4"]["seconds"] > 0
    assert "model.lora.rank" in found["rank-1"]["error"]

    # The numbers are those of the same command by hand.
    assert experiment("run", "--model.lora.rank", "4", name="by-hand") == 0
    assert experiment.metrics("grid/rank4") == experiment.metrics("by-hand")
    for setting in ("predicted", "given"):
        assert experiment.predictions(setting, "grid/rank4") == experiment.predictions(setting, "by-hand")

    # W&B logged offline, under the point's id.
    files = list((experiment.run_folder("grid/rank4") / "wandb").glob("offline-run-*/run-*.wandb"))
    assert [file.stem for file in files] == [f"run-{found['rank4']['id']}"]

    # Again, with the point mended by nobody: it alone is tried.
    before = (experiment.run_folder("grid/rank4") / "scores.json").stat().st_mtime_ns
    assert main(args) == 1
    assert "2 of 3 points were finished before" in capsys.readouterr().out
    assert (experiment.run_folder("grid/rank4") / "scores.json").stat().st_mtime_ns == before
    assert points(experiment)["rank4"]["seconds"] == found["rank4"]["seconds"]

    # Another command, or another experiment, would not have made these runs.
    experiment.config.write_text(experiment.config.read_text() + "# a comment changes nothing\n")
    other = sweep({"model.lora.rank": {"values": [2, 4]}}, "--trainer.max_epochs=1")
    assert main(other) == 2
    assert "sweep.json: was made with another command" in capsys.readouterr().err
    same = sweep({"model.lora.rank": {"values": [2, 4]}}, "--trainer.logger=null")
    assert main(same) == 0
    experiment.config.write_text(experiment.config.read_text().replace("lr: 0.01", "lr: 0.02"))
    assert main(same) == 2
    assert "toy.yaml has changed since these runs were made" in capsys.readouterr().err


def test_a_stopped_sweep_goes_on_where_it_was(experiment, sweep, tmp_path, monkeypatch):
    gate = Gate(tmp_path)
    flags = ("--checkpoint_every=1000", *gate.flags)
    args = sweep({"seed_everything": {"values": [5, 6]}}, *flags)
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    gate.close("step 4")
    process = subprocess.Popen([sys.executable, "-m", "vn.cli", *args], stdout=subprocess.PIPE, text=True)
    gate.wait(process, "seed5")
    assert points(experiment)["seed5"]["state"] == "running"
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 143, out
    gate.open()
    assert {name: point["state"] for name, point in points(experiment).items()} == {
        "seed5": "stopped",
        "seed6": "pending",
    }
    assert len(experiment.metrics("grid/seed5")) == 4
    assert (experiment.run_folder("grid/seed5") / "checkpoints" / "last.ckpt").exists()
    assert not (experiment.run_folder("grid").parent / "grid" / ".lock").exists()
    one = sweep({"seed_everything": {"values": [5]}}, *flags)
    assert main(one) == 0
    assert experiment("run", *flags, "--seed_everything=5", name="whole") == 0
    whole = experiment.metrics("whole")
    assert len(whole) > 4
    assert experiment.metrics("grid/seed5") == whole
    assert experiment.predictions(name="grid/seed5") == experiment.predictions(name="whole")


def test_runs_of_a_test_only_sweep_stand_apart_from_the_runs_they_test(experiment, capsys):
    assert experiment("run", "--trainer.max_epochs", "1") == 0
    run = experiment.run_folder()
    before = {f: f.read_bytes() for f in run.rglob("*") if f.is_file()}
    file = experiment.folder / "controls.yaml"
    command = ["vn", "test", "--config", "${args_json}", "--data.frames=other_video"]
    file.write_text(
        yaml.safe_dump({"method": "grid", "parameters": {"run": {"values": [str(run)]}}, "command": command})
    )
    assert main(["sweep", str(file), "--runs", str(experiment.folder / "runs")]) == 0, capsys.readouterr()
    out = experiment.folder / "runs" / "controls" / "toy"
    assert (out / "predictions.given.jsonl").read_text() != (run / "predictions.given.jsonl").read_text()
    assert (out / "stories.jsonl").read_text() == (run / "stories.jsonl").read_text()
    record = json.loads((out.parent / "sweep.json").read_text())
    assert record["points"][0]["parameters"] == {"run": str(run)}
    assert set(json.loads((out / "scores.json").read_text())) == {"predicted", "given"}
    assert "test/predicted/bleu_1" in (out / "metrics.jsonl").read_text()
    assert {f: f.read_bytes() for f in run.rglob("*") if f.is_file()} == before


@pytest.mark.parametrize(
    "content", ["", "[1]", "{}", '{"configs": {}, "points": [1]}', '{"configs": {}, "points": [{}]}']
)
def test_a_damaged_record_is_said_to_be_one(experiment, sweep, capsys, content):
    folder = experiment.folder / "runs" / "grid"
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(content)
    assert main(sweep({"seed_everything": {"values": [5]}})) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert str(folder / "sweep.json") in error[0]


def test_a_sweep_of_two_processes_at_once_is_refused(experiment, sweep, capsys):
    from vn.io.lock import claim

    args = sweep({"seed_everything": {"values": [5]}})
    with claim(experiment.folder / "runs" / "grid", "vn sweep"):
        assert main(args) == 2
    assert f"vn sweep (process {os.getpid()}) is at work in this folder" in capsys.readouterr().err


def test_a_sweep_none_of_whose_points_trained_can_be_changed(experiment, sweep, capsys):
    """Here its base model is missing; one that has trained holds its command fast (above)."""
    args = sweep({"seed_everything": {"values": [5]}}, "--model.base_model=./missing")
    assert main(args) == 1
    assert points(experiment)["seed5"]["state"] == "failed"
    capsys.readouterr()
    experiment.config.write_text(experiment.config.read_text().replace("lr: 0.01", "lr: 0.02"))
    assert main(sweep({"seed_everything": {"values": [5]}}, "--trainer.max_epochs=1")) == 0
    assert points(experiment)["seed5"]["state"] == "finished"


def test_run_cap_and_metric_are_honoured(experiment, sweep, capsys):
    args = sweep({"seed_everything": {"values": [5, 6, 7]}}, "--trainer.max_epochs=1")
    file = experiment.folder / "grid.yaml"
    content = yaml.safe_load(file.read_text()) | {"run_cap": 2, "metric": {"name": "val/loss", "goal": "minimize"}}
    file.write_text(yaml.safe_dump(content))
    assert main([*args, "--parallel", "2"]) == 0
    said = capsys.readouterr()
    assert "run_cap: the first 2 of 3 points" in said.err
    assert set(points(experiment)) == {"seed5", "seed6"}
    losses = {n: experiment.metrics(f"grid/{n}", "val/loss")[-1][1] for n in ("seed5", "seed6")}
    best = min(losses, key=losses.get)
    assert f"best by val/loss (minimize): {best} with {losses[best]:.4g}" in said.out
