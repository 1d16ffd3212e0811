"""Lightning's logger of ``metrics.jsonl``: all logged numbers. `vn.train.wandb_logging` copies them to W&B."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from vn.run_folder.metrics import MetricsFile


class JsonlLogger(Logger):
    """Appends lines to a run's `MetricsFile`, the source that W&B mirrors.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._metrics = MetricsFile(folder)
        self.file = self._metrics.file

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
        """Append a line."""
        self._metrics.append(metrics, step)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the resolved configuration is stored beside it, in ``config.yaml``."""

    @rank_zero_only
    def rewind(self, step: int, validated: bool = True) -> None:
        """Remove lines of steps that are run again (`MetricsFile.rewind`)."""
        self._metrics.rewind(step, validated)
