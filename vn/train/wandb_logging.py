"""W&B as a mirror of the run folder: the lines of ``metrics.jsonl``, and at the end scores, stories and artifacts."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from vn.environment import wandb_variables
from vn.run_folder.metrics import row_of
from vn.run_folder.wandb_run import PROJECT, bare_run, beside_config, stays_offline
from vn.train.loggers import JsonlLogger


class WandbRunLogger(WandbLogger):
    """Row k of W&B's history is line k of ``metrics.jsonl``.

    So a run that was killed and resumed has each step once: repeated steps are already there, and lines that W&B lost
    with the process are sent again. The `JsonlLogger` must come first among the loggers.

    Args:
        jsonl: writes the lines.
        others: arguments of Lightning's logger.
    """

    def __init__(self, jsonl: JsonlLogger, **others: Any) -> None:
        super().__init__(**others)
        self._wandb_init.pop("anonymous", None)  # Lightning passes it on, and W&B warns about it
        self.jsonl = jsonl
        self._read = 0  # bytes of the file
        self._rows = 0

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send the lines that W&B does not have yet."""
        run = self.experiment
        with open(self.jsonl.file, "rb") as file:
            file.seek(self._read)
            for line in file:
                self._read += len(line)
                self._rows += 1
                if self._rows > run.starting_step:
                    run.log(row_of(line))


def wandb_logger(jsonl: JsonlLogger, name: str, config: dict[str, Any] | None, run_id: str | None) -> WandbRunLogger:
    """W&B, offline unless the user is logged in; in a sweep, the sweep's own run.

    Args:
        jsonl: the run folder's logger.
        name: name of the run.
        config: logged with it as ``cfg``, besides the ablation; None on ranks that log nothing.
        run_id: id of the run that this one continues, from its checkpoint; the environment's takes precedence.
    """
    variables = wandb_variables()
    logger = WandbRunLogger(
        jsonl,
        name=None if variables.sweep_id is not None else name,
        id=variables.run_id or run_id,
        project=variables.project or PROJECT,
        save_dir=str(jsonl.file.parent),
        offline=stays_offline(),
        resume="allow",
    )
    if config is not None:
        beside = beside_config("ablation", config["ablation"])
        logger.experiment.config.update({"cfg": config, **beside}, allow_val_change=True)
    return logger


class SweepPoint(Logger):
    """A point of a sweep that logs nothing to W&B: the server sees only that it has run and how it ended.

    Without it the server would wait for the run in vain, and consider it crashed.

    Args:
        folder: folder for W&B's few small files.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.experiment: Any = None  # only on the first rank
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            self.experiment = bare_run(folder)

    @property
    def name(self) -> str:
        """The name under which Lightning lists this logger."""
        return "sweep-point"

    @property
    def version(self) -> str:
        """Empty: it has none."""
        return ""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Do nothing: `JsonlLogger` has them."""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the server has the point's parameters."""


def seen_by_sweep(loggers: list[Logger], folder: Path) -> list[Logger]:
    """Loggers, and a `SweepPoint` if W&B's agent has started this process and none of them is W&B's.

    Args:
        loggers: the requested loggers.
        folder: folder of the run.
    """
    if wandb_variables().point is None or any(isinstance(logger, WandbLogger) for logger in loggers):
        return loggers
    return [*loggers, SweepPoint(folder)]


def finish_wandb(loggers: list[Logger], exit_code: int, preempted: bool = False) -> None:
    """End W&B's runs; a preempted one is marked as such, so that an agent starts it again."""
    for logger in loggers:
        if isinstance(logger, WandbLogger | SweepPoint) and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            if preempted:
                logger.experiment.mark_preempting()
            logger.experiment.finish(exit_code=exit_code)
