"""``sweep.json``: the points of a sweep and their states. The dashboard reads it too."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.io.atomic import write_text
from vn.io.files import read_json, read_yaml
from vn.shipped import find
from vn.sweep.grid import Sweep

FILE = "sweep.json"
TRACES = ("metrics.jsonl", "checkpoints", "adapter", "scores.json", "parts")
STATES = ("pending", "running", "finished", "failed", "stopped")


@dataclass
class Entry:
    """The state of a point.

    Attributes:
        id, name, parameters: see `vn.sweep.grid.Point`.
        state: one of `STATES`; the same command resumes a stopped point, and restarts or resumes a failed one.
        seconds: total run time; None before the first run has ended.
        error: why it failed.
    """

    id: str
    name: str
    parameters: dict[str, Any]
    state: str = "pending"
    seconds: float | None = None
    error: str | None = None


class Record:
    """The file ``sweep.json`` of a sweep's folder.

    Args:
        folder: folder of the sweep.
        sweep: the sweep to run.

    Raises:
        InputError: the folder holds runs of another command, or of experiments that have changed since. If none of
            its points has trained, anything may have changed.
    """

    def __init__(self, folder: Path, sweep: Sweep) -> None:
        self.file = folder / FILE
        self.sweep = sweep
        self.configs = _digests(sweep)
        self.points = {p.name: Entry(p.id, p.name, p.parameters) for p in sweep.points}
        for old in self._read():
            entry = self.points.get(old["name"])
            if entry and entry.id == old["id"]:
                entry.seconds = old.get("seconds")

    def _read(self) -> list[dict[str, Any]]:
        """The points as the previous run of the sweep left them; none if there was none."""
        if not self.file.exists():
            return []
        before = read_json(self.file)
        way_out = "give another --name, or remove the folder"
        if not _is_record(before):
            raise InputError(f"is not a sweep's record; {way_out}", file=self.file)
        points: list[dict[str, Any]] = before["points"]
        if not any(_has_trained(self.file.parent / old["name"]) for old in points):
            return points  # so the sweep may have been changed
        if before.get("command") != self.sweep.command:
            raise InputError(f"was made with another command than {self.sweep.file} has; {way_out}", file=self.file)
        for file, digest in self.configs.items():
            if before["configs"].get(file) != digest:
                raise InputError(f"{file} has changed since these runs were made; {way_out}", file=self.file)
        return points

    def set(self, name: str, state: str, seconds: float | None = None, error: str | None = None) -> None:
        """Set the state of a point, and write the file."""
        entry = self.points[name]
        entry.state, entry.error = state, error
        if seconds is not None:
            entry.seconds = round((entry.seconds or 0) + seconds, 1)
        self.write()

    def names(self, state: str) -> list[str]:
        """The points in a state."""
        return [entry.name for entry in self.points.values() if entry.state == state]

    def write(self) -> None:
        """Write the whole file, atomically."""
        content = {
            "name": self.sweep.name,
            "file": str(self.sweep.file),
            "description": self.sweep.description,
            "metric": self.sweep.metric,
            "total": self.sweep.total,
            "command": self.sweep.command,
            "configs": self.configs,
            "points": [asdict(entry) for entry in self.points.values()],
        }
        write_text(self.file, json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")


def _is_record(data: Any) -> bool:
    if not isinstance(data, dict) or not isinstance(data.get("configs"), dict):
        return False
    points = data.get("points")
    return isinstance(points, list) and all(
        isinstance(point, dict)
        and isinstance(point.get("name"), str)
        and isinstance(point.get("id"), str)
        and isinstance(point.get("seconds"), int | float | None)
        for point in points
    )


def _has_trained(folder: Path) -> bool:
    """Whether a point's folder has results that a changed command or configuration would invalidate."""
    return any((folder / name).exists() for name in TRACES)


def _digests(sweep: Sweep) -> dict[str, str]:
    """Hashes of the sweep's configuration files, without comments, and of the overlays beside them."""
    words = sweep.command
    given = [Path(words[n + 1]) for n, word in enumerate(words[:-1]) if word in ("--config", "-c")]
    files = {file: find("experiments", file) for file in given if not str(file).startswith(("${", "{"))}
    for file, found in list(files.items()):  # by their names in the command, wherever the shipped files are
        files |= {file.parent / "ablations" / o.name: o for o in sorted((found.parent / "ablations").glob("*.yaml"))}
    return {str(name): hashlib.sha256(repr(read_yaml(f)).encode()).hexdigest() for name, f in files.items()}
