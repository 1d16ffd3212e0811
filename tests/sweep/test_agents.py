"""The real `wandb sweep` and two `wandb agent`s over a toy grid, against the stand-in for W&B's server.

One point fails, one is preempted and resumed; what the server then has is read back through `wandb.Api`.
"""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
import yaml
from agents import AGENT, Place, mirrored, wait, without_stories, write_sweep
from hold import Gate
from wandb_server import ENTITY, Server


@pytest.fixture
def server():
    with Server() as server:
        yield server


@pytest.fixture
def place(tmp_path, server):
    return Place(tmp_path, server.environment(tmp_path / "home"))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_two_agents_one_point_fails_and_one_is_preempted_and_goes_on(experiment, place, server, tmp_path):
    gate = Gate(tmp_path)
    file = write_sweep(
        experiment,
        {"ablation": {"values": ["full", "no_memory"]}, "model.lora.rank": {"values": [-1, 4]}},
        *("--checkpoint_every=1000", *gate.flags),
    )
    gate.close("step 4")
    place.run("wandb", "sweep", str(file))
    agents = [
        place.start(sys.executable, "-c", AGENT, "agent", f"{ENTITY}/toy/sweep0", log=f"agent{n}") for n in range(2)
    ]
    runs = experiment.folder / "runs" / "grid"

    def folder_of(ablation):
        wanted = {"ablation": {"value": ablation}, "model.lora.rank": {"value": 4}}
        found = [r.name for r in server.runs.values() if {k: r.config.get(k) for k in wanted} == wanted]
        return runs / found[0] if found else None

    wait(lambda: (folder := folder_of("no_memory")) and gate.reached(folder.name))
    victim = folder_of("no_memory")
    pid = int((victim / ".lock").read_text().split()[0])
    os.kill(pid, signal.SIGTERM)
    wait((victim / "checkpoints" / "last.ckpt").exists)
    gate.open()
    for agent in agents:
        assert agent.wait(timeout=900) == 0
    assert server.unknown == []

    read = place.read(f"{ENTITY}/toy", "sweep0")
    states = {(r["config"]["ablation"], r["config"]["model.lora.rank"]): r["state"] for r in read.values()}
    assert states == {
        ("full", -1): "failed",
        ("full", 4): "finished",
        ("no_memory", -1): "failed",
        ("no_memory", 4): "finished",
    }
    assert ("resume", victim.name) in [(c["type"], c.get("run_id")) for c in server.commands]
    for name, run in read.items():
        if run["state"] == "finished":
            assert run["config"]["cfg"]["model"]["lora"]["rank"] == 4
            assert run["config"]["cfg"]["ablation"] == run["config"]["ablation"]
            assert without_stories(run["history"]) == mirrored(runs / name)
            assert run["summary"]["test/predicted/bleu_1"] > 0
            scores = json.loads((runs / name / "scores.json").read_text())
            tables = [key for row in run["history"] for key in row if key.startswith("stories/")]
            assert sorted(tables) == ["stories/given", "stories/predicted"]
            made = {a["artifactTypeName"]: id for id, a in server.artifacts.items() if a["runName"] == name}
            assert {server.artifacts[id]["state"] for id in made.values()} == {"COMMITTED"}
            for kind, file in (("adapter", "adapter/narrator.safetensors"), ("predictions", "scores.json")):
                stored = server.blobs[f"{made[kind]}/{Path(file).name}"]
                assert stored == (runs / name / file).read_bytes()
            assert run["summary"]["test/predicted/cider"] == pytest.approx(scores["predicted"]["cider"]["value"])

    # The run that was preempted is the run that was not.
    assert experiment("run", "--ablation=no_memory", name="whole") == 0
    assert experiment.metrics("whole") == experiment.metrics(f"grid/{victim.name}")
    steps = [row["trainer/global_step"] for row in read[victim.name]["history"] if "train/loss" in row]
    assert steps == sorted(set(steps))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_points_that_log_nothing_end_as_finished_and_failed(experiment, place, server):
    """``--debug fast`` turns W&B's logger off: the server still sees how each point ended, and gets nothing else."""
    file = write_sweep(experiment, {"model.lora.rank": {"values": [-1, 4]}}, "--debug=fast")
    text = file.read_text()
    assert "--trainer.logger=null" in text  # of the other tests: it would turn the logger on again
    file.write_text(text.replace("--trainer.logger=null", "--trainer.max_epochs=1"))
    place.run("wandb", "sweep", str(file))
    agent = place.start(sys.executable, "-c", AGENT, "agent", f"{ENTITY}/toy/sweep0", log="agent")
    assert agent.wait(timeout=900) == 0
    assert server.unknown == []
    read = place.read(f"{ENTITY}/toy", "sweep0")
    assert {run["config"]["model.lora.rank"]: run["state"] for run in read.values()} == {-1: "failed", 4: "finished"}
    (name,) = (name for name, run in read.items() if run["state"] == "finished")
    assert (experiment.folder / "runs" / "grid" / name / "scores.json").exists()
    assert read[name]["history"] == []
    assert server.artifacts == {}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_runs_made_offline_are_filed_under_a_sweep_by_wandb_sync(experiment, place, server, monkeypatch):
    from vn.cli import main

    parameters = {"ablation": {"values": ["full"]}, "seed_everything": {"values": [5]}}
    file = write_sweep(experiment, parameters, "--trainer.max_epochs=1")
    place.run("wandb", "sweep", str(file))
    for name in [n for n in os.environ if n.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    args = ["sweep", str(file), "--runs", str(experiment.folder / "runs"), "--attach", f"{ENTITY}/toy/sweep0"]
    assert main(args) == 0
    assert server.runs == {}, "nothing was sent while it ran"
    folder = experiment.folder / "runs" / "grid" / "full-seed5"
    (log,) = folder.glob("wandb/offline-run-*")
    place.run("wandb", "sync", str(log))
    assert server.unknown == []
    record = json.loads((folder.parent / "sweep.json").read_text())
    ((name, run),) = place.read(f"{ENTITY}/toy", "sweep0").items()
    assert name == record["points"][0]["id"]
    assert run["state"] == "finished"
    assert run["config"]["ablation"] == "full"
    assert run["config"]["seed_everything"] == 5
    assert without_stories(run["history"]) == mirrored(folder)


def test_the_stand_in_fails_on_what_it_does_not_know(server):
    import urllib.error
    import urllib.request

    query = json.dumps({"query": "mutation DeleteRun($id: ID!) { deleteRun { ok } }", "variables": {}}).encode()
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(urllib.request.Request(f"{server.url}/graphql", query, method="POST"))
    assert server.unknown == ["DeleteRun"]


def test_wandb_sweep_takes_every_sweep_file(place, server):
    """Also the search, which `vn sweep` leaves to the server; W&B's own client checks the files first."""
    files = sorted((Path(__file__).parents[2] / "sweeps").glob("*.yaml"))
    script = "import sys; from wandb.cli.cli import cli; import wandb\n"
    script += "for f in sys.argv[1:]: cli(['sweep', f], standalone_mode=False)"
    place.run(sys.executable, "-c", script, *map(str, files))
    assert server.unknown == []
    assert [s.config for s in server.sweeps.values()] == [yaml.safe_load(f.read_text()) for f in files]
