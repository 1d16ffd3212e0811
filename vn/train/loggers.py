"""Where logged numbers go: metrics.jsonl always, W&B unless it is switched off."""

from __future__ import annotations

import json
import math
import netrc
import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlparse

from lightning.pytorch.loggers import Logger, WandbLogger
from lightning.pytorch.loggers.logger import rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from vn.data.atomic import atomic_write
from vn.errors import InputError


class JsonlLogger(Logger):
    """Appends ``{step, epoch, name: value, ...}`` lines to a file: the truth that W&B mirrors.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.file = folder / "metrics.jsonl"
        self._mended = False

    @property
    def name(self) -> str:
        return "metrics"

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> JsonlLogger:
        return self

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a line; values that are no finite number stand as text, so that every line is JSON."""
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
        """Nothing: the resolved configuration lies beside, in ``config.yaml``."""

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Forget what a run that was cut short logged beyond the checkpoint that it goes on from.

        Args:
            step: the first step that is run again (from 0); lines of earlier ones stay.
        """
        if not self.file.exists():
            return
        lines = self.file.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if _step(line) < step]
        if kept != lines:
            with atomic_write(self.file) as file:
                file.writelines(kept)


def _step(line: bytes) -> float:
    """The step of a line; beyond all steps where it is no whole line."""
    try:
        return json.loads(line)["step"] or 0 if line.endswith(b"\n") else math.inf
    except (ValueError, TypeError, KeyError):
        return math.inf


def _drop_half_line(file: BinaryIO) -> None:
    """Cut off what a kill or a full disk left of a last line, so that the next one is not glued to it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_536))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)


def wandb_logger(folder: Path, name: str, config: dict[str, Any] | None) -> WandbLogger:
    """W&B, offline unless the user is logged in; in a sweep, the sweep's own run.

    Args:
        folder: the run folder.
        name: of the run.
        config: logged with it as ``cfg``, beside the ablation; None on ranks that log nothing.
    """
    in_sweep = bool(os.environ.get("WANDB_SWEEP_ID"))
    offline = not in_sweep and "WANDB_MODE" not in os.environ and not _logged_in()
    logger = WandbLogger(
        name=None if in_sweep else name,
        project=os.environ.get("WANDB_PROJECT", "vn"),
        save_dir=str(folder),
        offline=offline,
        resume="allow",
    )
    if config is not None:
        # In a sweep, `ablation` is the sweep's own key, and locked.
        beside = {} if in_sweep else {"ablation": config["ablation"]}
        logger.experiment.config.update({"cfg": config, **beside})
    return logger


def finish_wandb(loggers: list[Logger], exit_code: int, preempted: bool = False) -> None:
    """End W&B's runs; one that is preempted says so, so that an agent starts it again."""
    for logger in loggers:
        if isinstance(logger, WandbLogger) and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            if preempted:
                logger.experiment.mark_preempting()
            logger.experiment.finish(exit_code=exit_code)


def _logged_in() -> bool:
    """Whether W&B has a key: in the environment, or in ~/.netrc where ``wandb login`` puts it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname
    try:
        return host is not None and netrc.netrc().authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
