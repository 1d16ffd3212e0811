"""Callbacks of every run: dropout that depends only on the step, and scores after a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch

from vn.run_folder.metrics import logged_scores
from vn.train.module import NarratorModule


class StepSeed(L.Callback):
    """Seeds dropout by (seed, step, micro-batch, rank), so that a resumed run draws the same masks."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed this micro-batch."""
        mixed = hash((self.seed, trainer.global_step, batch_idx % trainer.accumulate_grad_batches, trainer.global_rank))
        seed = mixed & (2**63 - 1)
        if pl_module.device.type == "cpu":
            # As `torch.manual_seed`, which also notes for CUDA, that nobody uses here, from where it was called.
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)


class AfterTest(L.Callback):
    """Scores a test on rank 0, and logs the scores.

    Args:
        score: reads a folder of predictions and returns ``{setting: {metric: {"value": ...}}}``.
    """

    def __init__(self, score: Callable[[Path], dict[str, dict[str, dict[str, Any]]]]) -> None:
        self.score = score

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Score the merged predictions and log the scores."""
        assert isinstance(pl_module, NarratorModule)
        assert pl_module.output is not None
        if not trainer.is_global_zero:
            return
        scores = self.score(pl_module.output)
        flat = logged_scores(scores)
        for each in trainer.loggers:
            each.log_metrics(flat, step=trainer.global_step)
