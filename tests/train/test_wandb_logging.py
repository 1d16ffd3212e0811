"""W&B as the mirror of metrics.jsonl, offline: read back from W&B's own file with W&B's own reader."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vn.train.module import NarratorModule


@pytest.fixture
def offline(monkeypatch):
    """W&B writes files and talks to nobody; no run is left open in this process."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    import wandb

    wandb.teardown()  # what it has read of the environment before
    yield
    wandb.teardown()


def records(folder: Path):
    """The records of each offline run of a run folder, oldest first."""
    files = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"), key=lambda f: f.stat().st_mtime_ns)
    reader = [shutil.which("wandb", path=str(Path(sys.executable).parent)), "leet", "inspect", "--json"]
    outputs = [subprocess.run([*reader, str(f)], capture_output=True, check=True, timeout=120).stdout for f in files]
    return [[json.loads(line) for line in output.splitlines()] for output in outputs]


def history(run):
    hidden = ("_runtime", "_timestamp", "_step")
    rows = [record["history"]["item"] for record in run if record["type"] == "history"]
    return [{k: v for k, v in row.items() if k not in hidden} for row in rows]


def lines(folder: Path):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{("trainer/global_step" if k == "step" else k): v for k, v in row.items() if v is not None} for row in rows]


def test_a_run_cut_short_goes_on_as_one_run_with_each_step_once(experiment, offline, monkeypatch):
    args = ("--trainer.logger=null",)
    plain = NarratorModule.training_step

    class Cut(Exception):
        pass

    def cut(self, batch, i):
        if self.trainer.global_step == 5:
            raise Cut
        return plain(self, batch, i)

    with monkeypatch.context() as patch:
        patch.setattr(NarratorModule, "training_step", cut)
        with pytest.raises(Cut):
            experiment("run", *args)
    checkpoint = torch.load(experiment.run_folder() / "checkpoints" / "last.ckpt", weights_only=True)
    assert experiment("run", *args) == 0
    first, second = records(experiment.run_folder())
    assert first[1]["run"]["run_id"] == second[1]["run"]["run_id"] == checkpoint["wandb_run_id"]
    assert first[-1]["exit"]["exit_code"] == 1
    assert not second[-1]["exit"].get("exit_code")
    whole = lines(experiment.run_folder())
    *mirrored, given, predicted = history(second)
    assert mirrored == whole
    assert any(key.startswith("stories/predicted") for key in predicted)
    assert any(key.startswith("stories/given") for key in given)
    made = {a["artifact"]["type"]: a["artifact"] for a in second if a["type"] == "artifact"}
    files = {kind: {e["path"] for e in a["manifest"]["contents"]} for kind, a in made.items()}
    adapter = {f.name for f in (experiment.run_folder() / "adapter").iterdir()}
    assert files["adapter"] == adapter
    assert files["predictions"] >= {"predictions.predicted.jsonl", "predictions.given.jsonl", "stories.jsonl"}
    assert 0 < len(history(first)) < len(whole)
    assert any("test/predicted/bleu_1" in row for row in history(second))
    config = next(r["config"]["update"] for r in second if r["type"] == "config" and "cfg" in r["config"]["update"])
    assert config["ablation"] == "full"
    assert config["cfg"]["model"]["lora"]["rank"] == 4


def test_a_process_that_ends_at_once_leaves_a_whole_run(experiment, offline):
    """A real ``vn`` with loader workers: its end waits for W&B and for them (`vn.process`)."""
    words = ["run", "--config", experiment.config, "--runs", experiment.folder / "runs", "--name", "toy"]
    words += ["--trainer.logger=null", "--trainer.max_epochs=1", "--data.workers=2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    call = [sys.executable, "-m", "vn.cli", *map(str, words)]
    done = subprocess.run(call, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (run,) = records(experiment.run_folder())
    *mirrored, _, _ = history(run)
    assert mirrored == lines(experiment.run_folder())
    assert run[-1]["type"] == "exit"
    assert {a["artifact"]["type"] for a in run if a["type"] == "artifact"} >= {"adapter", "predictions"}


def test_the_environments_run_id_wins(experiment, offline, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "mine-1")
    assert experiment("fit", "--trainer.logger=null", "--trainer.max_epochs=1") == 0
    (run,) = records(experiment.run_folder())
    assert run[1]["run"]["run_id"] == "mine-1"
    assert run[1]["run"]["display_name"] == "toy"


@pytest.fixture
def agent(offline, monkeypatch):
    """As if W&B's agent had started this process."""
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep0")
    monkeypatch.setenv("WANDB_RUN_ID", "point1")


@pytest.mark.parametrize("flags", [("--debug", "fast"), ("--trainer.logger=false",)], ids=["debug", "logger off"])
def test_a_point_that_logs_nothing_is_still_seen_to_end(experiment, agent, flags):
    """The run on the server begins, ends as finished, and has nothing else; again, it is finished at once."""
    args = (*flags, "--trainer.max_epochs=1")
    assert experiment("run", *args) == 0
    (run,) = records(experiment.run_folder())
    assert run[1]["run"]["run_id"] == "point1"
    assert run[1]["run"]["sweep_id"] == "sweep0"
    assert run[-1]["exit"].get("exit_code", 0) == 0
    assert not {"history", "artifact", "stats", "output", "output_raw"} & {record["type"] for record in run}
    files = [f for f in (experiment.run_folder() / "wandb").rglob("*") if f.is_file() and not f.is_symlink()]
    assert sum(f.stat().st_size for f in files if "logs" not in f.parts) < 20_000
    assert experiment("run", *args) == 0
    first, second = records(experiment.run_folder())
    assert second[1]["run"]["run_id"] == "point1"
    assert first[-1]["exit"].get("exit_code", 0) == second[-1]["exit"].get("exit_code", 0) == 0


def test_a_point_that_logs_nothing_and_fails_is_seen_to_fail(experiment, agent, monkeypatch):
    def fails(self, batch, batch_idx):
        raise RuntimeError("an accident")

    monkeypatch.setattr(NarratorModule, "training_step", fails)
    with pytest.raises(RuntimeError, match="an accident"):
        experiment("fit", "--debug", "fast")
    (run,) = records(experiment.run_folder())
    assert run[-1]["exit"]["exit_code"] == 1


def test_without_a_sweep_a_run_that_logs_nothing_is_not_on_the_server(experiment, offline, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    assert experiment("fit", "--debug", "fast") == 0
    assert not (experiment.run_folder() / "wandb").exists()


@pytest.mark.parametrize("had", [0, 2, 9])
def test_rows_that_wandb_has_are_not_sent_again_and_lost_ones_are(tmp_path, had):
    from vn.train.loggers import JsonlLogger
    from vn.train.wandb_logging import WandbRunLogger

    class Run:
        starting_step = had
        rows: list = []  # noqa: RUF012

        def log(self, row):
            self.rows = [*self.rows, row]

    run = Run()
    jsonl = JsonlLogger(tmp_path)
    for step in range(4):
        jsonl.log_metrics({"a": step}, step)
    mirror = WandbRunLogger(jsonl, experiment=run)
    for step in range(4, 12):
        metrics = {"a": float("nan") if step == 11 else step, "epoch": 1}
        jsonl.log_metrics(metrics, step)
        mirror.log_metrics(metrics, step)
    assert [row["trainer/global_step"] for row in run.rows] == list(range(had, 12))
    assert run.rows[-1]["a"] != run.rows[-1]["a"]
    assert run.rows[-1]["epoch"] == 1
    assert os.path.getsize(jsonl.file) > 0
