"""What every run has besides its loss: metrics.jsonl, and an adapter folder when training is done."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from vn.adapter import save_adapter
from vn.errors import InputError
from vn.train.module import NarratorModule


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


def _drop_half_line(file: BinaryIO) -> None:
    """Cut off what a kill or a full disk left of a last line, so that the next one is not glued to it."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_536))
    tail = file.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)


class SaveAdapter(L.Callback):
    """Writes the adapter folder when training has ended as planned.

    Args:
        folder: the adapter folder.
        keep: ``best`` takes the checkpoint with the lowest ``val/loss``, ``last`` the final weights.
    """

    def __init__(self, folder: Path, keep: Literal["best", "last"]) -> None:
        self.folder = folder
        self.keep = keep

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, NarratorModule)
        if trainer.interrupted:
            return
        if self.keep == "best":
            kept = [c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor]
            best = kept[0].best_model_path if kept else ""
            if best:
                state = torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
                pl_module.load_state_dict(state, strict=False)
        if trainer.is_global_zero:
            save_adapter(self.folder, pl_module.assembled)
        trainer.strategy.barrier("adapter-saved")


def checkpoints(folder: Path, every: int, keep: Literal["best", "last"]) -> list[ModelCheckpoint]:
    """``last.ckpt`` every so many steps to resume from, and the best by ``val/loss`` where that is kept."""
    last = ModelCheckpoint(
        dirpath=folder,
        filename="last",
        every_n_train_steps=every,
        save_top_k=1,
        enable_version_counter=False,
        save_on_train_epoch_end=False,
    )
    if keep == "last":
        return [last]
    return [ModelCheckpoint(folder, "best", monitor="val/loss", save_top_k=1, enable_version_counter=False), last]


class StepSeed(L.Callback):
    """Seeds dropout by (seed, step, micro-batch, rank), so that a resumed run draws what it would have drawn."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        mixed = hash((self.seed, trainer.global_step, batch_idx % trainer.accumulate_grad_batches, trainer.global_rank))
        torch.manual_seed(mixed & (2**63 - 1))


class AfterTest(L.Callback):
    """Merges what the ranks wrote; scores a test on rank 0, and logs the scores.

    Args:
        score: reads a folder of predictions and gives ``{setting: {metric: {"value": ...}}}``.
    """

    def __init__(self, score: Callable[[Path], dict[str, dict[str, dict[str, Any]]]]) -> None:
        self.score = score

    def on_predict_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, NarratorModule)
        pl_module.finish_predictions()

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, NarratorModule)
        assert pl_module.output is not None
        findings = pl_module.finish_predictions()
        if not trainer.is_global_zero:
            return
        if findings:
            print(findings.summary(), file=sys.stderr)
        scores = self.score(pl_module.output)
        flat = {
            f"test/{setting}/{name}": entry["value"]
            for setting, metrics in scores.items()
            for name, entry in metrics.items()
            if entry["value"] is not None
        }
        for logger in trainer.loggers:
            logger.log_metrics(flat, step=trainer.global_step)
