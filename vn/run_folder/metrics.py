"""``metrics.jsonl``: all logged numbers of a run, one line ``{step, epoch, name: value, ...}`` per call."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from vn.errors import InputError
from vn.io.atomic import atomic_write

NAME = "metrics.jsonl"


def metrics_line(values: Mapping[str, float], step: int | None = None) -> bytes:
    """A line of the file; NaN and infinite values are written as text, so that every line is valid JSON."""
    numbers = {k: (v if math.isfinite(v) else str(v)) for k, v in values.items() if k != "epoch"}
    return json.dumps({"step": step, "epoch": values.get("epoch"), **numbers}).encode() + b"\n"


def row_of(line: bytes) -> dict[str, Any]:
    """A line as a row of W&B's history, with the names of Lightning's logger; NaN and infinity are numbers again."""
    values = json.loads(line)
    step = values.pop("step")
    row = {k: float(v) if isinstance(v, str) else v for k, v in values.items() if v is not None}
    return row if step is None else {**row, "trainer/global_step": step}


def logged_scores(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, float]:
    """The content of a ``scores.json`` by the names that are logged.

    >>> logged_scores({"predicted": {"cider": {"value": 0.5}, "emscore": {"value": None, "why": "no videos"}}})
    {'test/predicted/cider': 0.5}
    """
    return {
        f"test/{setting}/{name}": entry["value"]
        for setting, metrics in scores.items()
        for name, entry in metrics.items()
        if entry["value"] is not None
    }


class MetricsFile:
    """The file of a run folder, to which lines are appended.

    Args:
        folder: the run folder.

    Attributes:
        file: its path.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / NAME
        self._mended = False

    def append(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Append a line; half a line, left by a kill, is removed first.

        Raises:
            InputError: the file cannot be written.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(self.file, "a+b") as file:
                if not self._mended:
                    _drop_half_line(file)
                    self._mended = True
                file.write(metrics_line(values, step))
        except OSError as error:
            self._mended = False
            raise InputError(f"cannot be written: {error.strerror}", file=self.file) from None

    def rewind(self, step: int, validated: bool = True) -> None:
        """Remove lines that an interrupted run logged after the checkpoint that it resumes from.

        Args:
            step: the first step that is run again (from 0); lines of earlier ones are kept.
            validated: False also removes the validation after the step before.
        """
        if not self.file.exists():
            return
        lines = self.file.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if _step(line) < (step if validated or b'"val/' not in line else step - 1)]
        if kept != lines:
            with atomic_write(self.file) as file:
                file.writelines(kept)


def _step(line: bytes) -> float:
    """The step of a line; infinity if the line is incomplete."""
    try:
        return json.loads(line)["step"] or 0 if line.endswith(b"\n") else math.inf
    except (ValueError, TypeError, KeyError):
        return math.inf


def _drop_half_line(file: BinaryIO) -> None:
    """Remove an incomplete last line, left by a kill or a full disk, so that the next one is not appended to it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_536))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
