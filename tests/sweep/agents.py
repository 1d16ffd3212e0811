"""Shared by tests with W&B's own programs: a folder to run them in, a toy sweep, and reading back from the server."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

BIN = Path(sys.executable).parent
# W&B's agent with a shorter breath: it asks the server every five seconds otherwise.
AGENT = (
    "import sys, wandb.wandb_agent as a; a.Agent.POLL_INTERVAL = 0.3; from wandb.cli.cli import cli;"
    "sys.argv[0] = 'wandb'; cli()"
)
READ = """
import json, sys, wandb
api = wandb.Api()
runs = api.runs(sys.argv[1], filters={"sweep": sys.argv[2]})
hidden = ("_runtime", "_timestamp", "_step")
print(json.dumps({run.id: {
    "state": run.state,
    "config": dict(run.config),
    "summary": {k: v for k, v in dict(run.summary).items() if not k.startswith("_")},
    "history": [{k: v for k, v in row.items() if k not in hidden} for row in run.scan_history()],
} for run in runs}, default=dict))
"""


class Place:
    """A folder to work in, where ``vn`` is a command, and the environment that names a server."""

    def __init__(self, folder, environment):
        self.folder = folder
        bin = folder / "bin"
        bin.mkdir()
        (bin / "vn").write_text(f'#!/bin/sh\nexec {sys.executable} -m vn.cli "$@"\n')
        (bin / "vn").chmod(0o755)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
        self.environment |= environment
        self.environment |= {"PATH": f"{bin}:{BIN}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        tests = Path(__file__).parents[1]
        self.environment["PYTHONPATH"] = os.pathsep.join(
            [str(tests.parent), str(tests), os.environ.get("PYTHONPATH", "")]
        )

    def start(self, *words, log="log"):
        with open(self.folder / f"{log}.txt", "ab") as out:
            return subprocess.Popen(
                words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def run(self, *words):
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=600
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        return done.stdout.decode()

    def read(self, project, sweep):
        """Run id -> state, config, summary and history of a sweep's runs, through `wandb.Api`."""
        return json.loads(self.run(sys.executable, "-c", READ, project, sweep).splitlines()[-1])


def write_sweep(experiment, parameters, *flags, command="run"):
    words = ["${env}", "vn", command, "--config", str(experiment.config), "--config", "${args_json}"]
    words += ["--runs", str(experiment.folder / "runs" / "grid"), "--trainer.logger=null", *flags]
    file = experiment.folder / "grid.yaml"
    file.write_text(yaml.safe_dump({"method": "grid", "parameters": parameters, "command": words}, sort_keys=False))
    return file


def wait(holds, seconds=900.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def mirrored(folder):
    """The lines of metrics.jsonl, as W&B should have them."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{("trainer/global_step" if k == "step" else k): v for k, v in r.items() if v is not None} for r in rows]


def without_stories(rows):
    """The rows of a history that are no table of stories."""
    return [row for row in rows if not any(key.startswith("stories/") for key in row)]
