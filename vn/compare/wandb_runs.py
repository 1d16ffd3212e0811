"""Runs on a W&B server, downloaded into run folders: what is compared is read from there as from any other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from vn.compare.runs import CONFIG, CURVES, SCORES, STORIES, SWEEP
from vn.data.atomic import write_text
from vn.errors import InputError

PREFIX = "wandb:"
ARTIFACT = "predictions"  # type of the artifact that a test logs
WANTED = (STORIES, SCORES)
STEP = "trainer/global_step"  # what Lightning's logger calls a step


def download(path: str, folder: Path, on_run: Callable[[str], None] = lambda name: None) -> Path:
    """Fetch a run, or all runs of a sweep.

    Args:
        path: ``wandb:ENTITY/PROJECT/RUN`` or ``wandb:ENTITY/PROJECT/sweeps/SWEEP``.
        folder: where the run folders go; what is there already is not fetched again.
        on_run: called with each run's name.

    Returns:
        The run folder, or the sweep's.

    Raises:
        InputError: a path that names neither, or that the server does not know.
    """
    import wandb

    parts = path.removeprefix(PREFIX).split("/")
    is_sweep = len(parts) == 4 and parts[2] == "sweeps"
    if not all(parts) or not (is_sweep or len(parts) == 3):
        wanted = f"{PREFIX}ENTITY/PROJECT/RUN or {PREFIX}ENTITY/PROJECT/sweeps/SWEEP"
        raise InputError(f"expected {wanted}, got {path!r}")
    try:
        api = wandb.Api()
        if not is_sweep:
            return _fetch(api.run("/".join(parts)), folder / parts[-1], on_run)
        sweep = folder / parts[-1]
        points = []
        for run in api.sweep("/".join([*parts[:2], parts[3]])).runs:
            points.append({"name": run.id, "state": run.state if run.state == "finished" else "failed"})
            if run.state != "finished":
                points[-1]["error"] = f"W&B says it is {run.state}"
                continue
            _fetch(run, sweep / run.id, on_run)
    except (wandb.errors.Error, ValueError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"W&B does not give it: {error}", file=path) from None
    sweep.mkdir(parents=True, exist_ok=True)
    write_text(sweep / SWEEP, json.dumps({"name": parts[-1], "points": points}) + "\n")
    return sweep


def _fetch(run: Any, folder: Path, on_run: Callable[[str], None]) -> Path:
    on_run(run.name)
    if (folder / CONFIG).is_file():  # written last
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for artifact in run.logged_artifacts():
        if artifact.type == ARTIFACT:
            for file in artifact.files():
                name = Path(file.name).name  # no path out of the folder
                if name in WANTED or (name.startswith("predictions.") and name.endswith(".jsonl")):
                    file.download(root=str(folder), replace=True)
    write_text(folder / CURVES, "".join(f"{json.dumps(row)}\n" for row in _history(run)) or "{}\n")
    config = run.config.get("cfg")
    if not isinstance(config, dict):
        raise InputError("its W&B config has no `cfg`: it is no run of vn", sample=run.id)
    write_text(
        folder / CONFIG, yaml.safe_dump({**config, "ablation": run.config.get("ablation", config.get("ablation"))})
    )
    return folder


def _history(run: Any) -> Iterator[dict[str, Any]]:
    for row in run.scan_history():
        named = {k: v for k, v in row.items() if not k.startswith("_") and v is not None}
        if STEP in named:
            yield {"step": named.pop(STEP), **named}
