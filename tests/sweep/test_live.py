"""The real server, only on request: ``VN_WANDB_LIVE=1`` and a ``WANDB_API_KEY``.

It makes a sweep of two points in the project ``vn-live-test`` (``WANDB_PROJECT`` overrides it), and leaves it there.
"""

import os
import re
import sys

import pytest
from agents import AGENT, Place, mirrored, without_stories, write_sweep

LIVE = os.environ.get("VN_WANDB_LIVE") == "1" and os.environ.get("WANDB_API_KEY")


@pytest.mark.slow
@pytest.mark.skipif(not LIVE, reason="talks to W&B's server: VN_WANDB_LIVE=1 and WANDB_API_KEY ask for it")
def test_a_sweep_on_the_real_server(experiment, tmp_path):
    kept = {k: os.environ[k] for k in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ENTITY") if k in os.environ}
    place = Place(tmp_path, {**kept, "WANDB_PROJECT": os.environ.get("WANDB_PROJECT", "vn-live-test")})
    file = write_sweep(experiment, {"model.lora.rank": {"values": [-1, 4]}}, "--trainer.max_epochs=1")
    done = place.start("wandb", "sweep", str(file), log="sweep")
    assert done.wait(timeout=120) == 0
    said = (tmp_path / "sweep.txt").read_text()
    path = re.search(r"wandb agent (\S+/\S+/\w+)", said)
    assert path, said
    agent = place.start(sys.executable, "-c", AGENT, "agent", "--count", "2", path[1], log="agent")
    assert agent.wait(timeout=900) == 0
    project, _, sweep = path[1].rpartition("/")
    read = place.read(project, sweep)
    assert {run["config"]["model.lora.rank"]: run["state"] for run in read.values()} == {-1: "failed", 4: "finished"}
    name = next(name for name, run in read.items() if run["state"] == "finished")
    assert without_stories(read[name]["history"]) == mirrored(experiment.folder / "runs" / "grid" / name)
