"""Runs on a W&B server, downloaded into run folders, which are then read like any other."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from vn.compare.runs import CURVES, SCORES, STORIES, SWEEP
from vn.errors import InputError
from vn.io.atomic import write_text
from vn.score.run_config import CONFIG

PREFIX = "wandb:"
ARTIFACT = "predictions"  # type of the artifact that a test logs
WANTED = (STORIES, SCORES)
PREDICTIONS = re.compile(r"predictions\.[\w-]+\.jsonl")  # cannot name a path outside the folder
STEP = "trainer/global_step"  # the step in Lightning's logger


def download(path: str, folder: Path, on_run: Callable[[str], None] = lambda name: None) -> Path:
    """Fetch a run, or all runs of a sweep.

    Args:
        path: ``wandb:ENTITY/PROJECT/RUN`` or ``wandb:ENTITY/PROJECT/sweeps/SWEEP``.
        folder: where the run folders go; existing ones are not fetched again.
        on_run: called with each run's name.

    Returns:
        The run folder, or the sweep's.

    Raises:
        InputError: the path is neither, or unknown to the server; a run has no predictions (in a sweep, it is noted as
            failed).
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
            point = {"name": run.id, "state": "finished"}
            try:
                if run.state != "finished":
                    raise InputError(f"its state on W&B is {run.state}")
                _fetch(run, sweep / run.id, on_run)
            except InputError as error:
                point |= {"state": "failed", "error": str(error)}
            points.append(point)
    except InputError as error:
        raise InputError(str(error), file=path) from None
    except Exception as error:
        if not _is_of_wandb(error):
            raise
        raise InputError(f"W&B cannot provide it: {error}", file=path) from None
    sweep.mkdir(parents=True, exist_ok=True)
    write_text(sweep / SWEEP, json.dumps({"name": parts[-1], "points": points}) + "\n")
    return sweep


def _is_of_wandb(error: Exception) -> bool:
    """Whether W&B's client reports that something is unavailable, also by errors without a public name."""
    return isinstance(error, ValueError | OSError) or type(error).__module__.partition(".")[0] == "wandb"


def _fetch(run: Any, folder: Path, on_run: Callable[[str], None]) -> Path:
    on_run(run.name)
    if (folder / CONFIG).is_file():  # written last
        return folder
    config = run.config.get("cfg")
    if not isinstance(config, dict):
        raise InputError("its W&B config has no `cfg`: it is not a run of vn")
    versions = [artifact for artifact in run.logged_artifacts() if artifact.type == ARTIFACT]
    if not versions:
        raise InputError(f"the run has logged no predictions (its state on W&B is {run.state})")
    folder.mkdir(parents=True, exist_ok=True)
    # W&B's own copy of the configuration writes 0.0 as 0: the file, if there is one, is exact.
    text = yaml.safe_dump({**config, "ablation": run.config.get("ablation", config.get("ablation"))})
    for file in max(versions, key=lambda artifact: int(artifact.version.removeprefix("v"))).files():
        if file.name in WANTED or PREDICTIONS.fullmatch(file.name):
            file.download(root=str(folder), replace=True).close()
        elif file.name == CONFIG:
            with TemporaryDirectory() as aside, file.download(root=aside) as config_file:
                text = Path(config_file.name).read_text(encoding="utf-8")
    write_text(folder / CURVES, "".join(f"{json.dumps(row)}\n" for row in _history(run)))
    write_text(folder / CONFIG, text)
    return folder


def _history(run: Any) -> Iterator[dict[str, Any]]:
    """Its rows as lines of ``metrics.jsonl``: without tables, and with non-finite numbers as text."""
    for row in run.scan_history():
        named = {k: v for k, v in row.items() if not k.startswith("_") and isinstance(v, int | float | str)}
        if STEP in named and len(named) > 1:
            finite = {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in named.items()}
            yield {"step": finite.pop(STEP), **finite}
