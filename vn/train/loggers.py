"""``metrics.jsonl``: all logged numbers are written here. `vn.train.wandb_logging` copies them to W&B."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lightning.pytorch.loggers import Logger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from vn.errors import InputError
from vn.io.atomic import atomic_write


class JsonlLogger(Logger):
    """Appends ``{step, epoch, name: value, ...}`` lines to a file, the source that W&B mirrors.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "metrics.jsonl"
        self._mended = False

    @property
    def name(self) -> str:
        """The name under which Lightning lists this logger."""
        return "metrics"

    @property
    def version(self) -> str:
        """Empty: a run folder has one log."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> JsonlLogger:
        """The logger itself, on the first rank."""
        return self

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a line; NaN and infinite values are written as text, so that every line is valid JSON."""
        values = {k: (v if math.isfinite(v) else str(v)) for k, v in metrics.items() if k != "epoch"}
        line = {"step": step, "epoch": metrics.get("epoch"), **values}
        self.file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(self.file, "a+b") as file:
                if not self._mended:
                    _drop_half_line(file)
                    self._mended = True
                file.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            self._mended = False
            raise InputError(f"cannot be written: {error.strerror}", file=self.file) from None

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the resolved configuration is stored beside it, in ``config.yaml``."""

    @rank_zero_only
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
