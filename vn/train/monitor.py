"""Monitors optimizer steps: logs loss, gradient norm and speed, and stops a run that goes wrong."""

from __future__ import annotations

import logging
import math
import resource
import sys
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim import Optimizer

from vn.llm.packing import Batch
from vn.train.datamodule import StoryDataModule
from vn.train.module import NarratorModule
from vn.train.ranks import gather, leave

logger = logging.getLogger(__name__)

MOST_KEYS = 12  # most clips that a message names


class StepMonitor(L.Callback):
    """Sums a step over micro-batches and ranks before the optimizer's update: logs it, or stops the run on all ranks.

    Args:
        bad_samples: how many samples may be left out because they are unreadable or too long.
    """

    def __init__(self, bad_samples: int) -> None:
        self.most_bad = bad_samples
        self.bad: dict[str, str] = {}  # key -> what is wrong with it
        self.cut = 0.0  # clips cut to fit, since they were last logged
        self._losses: list[Tensor] = []
        self._batches: list[Batch] = []
        self._loss = self._norm = math.nan
        self._since = self._waited = 0.0
        self._tokens = self._videos = 0

    @property
    def state_key(self) -> str:
        """The key of its state in checkpoints."""
        return "StepWatch"  # the key in checkpoints: the class's name when they were first written

    def state_dict(self) -> dict[str, Any]:
        """The bad samples so far, and the number of clips cut since the last log line."""
        return {"bad": self.bad, "cut": self.cut}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.bad, self.cut = state["bad"], state["cut"]

    # -- a step -----------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Register for each micro-batch, and start the clock."""
        assert isinstance(pl_module, NarratorModule)
        pl_module.on_micro_batch = self._add
        self._restart_clock(trainer)

    def _add(self, loss: Tensor, batch: Batch) -> None:
        """Add a micro-batch and its share of the step's mean loss."""
        self._losses.append(loss)
        self._batches.append(batch)

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Sum over the step, and stop the run if its loss or gradients are not finite."""
        # DeepSpeed's engine counts micro-batches itself, so Lightning calls this hook after each.
        if len(self._batches) < trainer.accumulate_grad_batches:
            return
        mine = torch.stack(self._losses).sum()
        cut = sum(batch.cut for batch in self._batches)
        bad = any(batch.bad for batch in self._batches)
        loss, cuts, bads = _sum(trainer, mine, float(cut), float(bad))
        if bads:
            self._count_bad(trainer)
        self._loss, self.cut = loss, self.cut + cuts
        if not math.isfinite(loss):
            self._stop(trainer, "loss", loss, [not bool(torch.isfinite(x)) for x in self._losses])
        if not trainer.strategy.handles_gradient_accumulation:
            gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
            self._check_norm(trainer, float(torch.nn.utils.get_total_norm(gradients)))

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Log the step, and the interval at its end."""
        if len(self._batches) < trainer.accumulate_grad_batches:
            return
        engine: Any = trainer.model
        if trainer.strategy.handles_gradient_accumulation and (norm := engine.get_global_grad_norm()) is not None:
            self._check_norm(trainer, float(norm))
        self._tokens += batch.step_targets
        self._videos += batch.step_videos
        self._batches, self._losses = [], []
        pl_module.log("train/loss", self._loss, prog_bar=True, batch_size=1)
        pl_module.log("train/grad_norm", self._norm, batch_size=1)
        if trainer.global_step % trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._log_interval(trainer, pl_module)

    def _check_norm(self, trainer: L.Trainer, norm: float) -> None:
        """Check the gradient norm, except at half precision, where loss scaling skips steps that overflow."""
        self._norm = norm
        if not math.isfinite(norm) and not str(trainer.precision).startswith("16"):
            self._stop(trainer, "gradient norm", norm, [True] * len(self._batches))

    def _stop(self, trainer: L.Trainer, what: str, value: float, guilty: list[bool]) -> None:
        keys = [key for batch, is_guilty in zip(self._batches, guilty, strict=True) if is_guilty for key in batch.keys]
        named = [key for keys in gather(trainer, keys) for key in keys]
        more = f" and {len(named) - MOST_KEYS} more" if len(named) > MOST_KEYS else ""
        leave(
            trainer,
            f"the {what} is {value} at step {trainer.global_step}; the clips: {', '.join(named[:MOST_KEYS])}{more}",
        )

    def _count_bad(self, trainer: L.Trainer) -> None:
        mine = {key: why for batch in self._batches for key, why in batch.bad.items()}
        new = {k: why for found in gather(trainer, mine) for k, why in found.items() if k not in self.bad}
        for key, why in sorted(new.items()):
            self.bad[key] = why
            if len(self.bad) > self.most_bad:
                budget = f"; {self.most_bad} may be bad (data.bad_samples)" if self.most_bad else ""
                leave(trainer, why + budget)
            if trainer.is_global_zero:
                logger.warning("left out, %d of at most %d: %s", len(self.bad), self.most_bad, why)

    # -- an interval between two log lines ----------------------------------------------------------------------

    def _log_interval(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        data: StoryDataModule = trainer.datamodule  # type: ignore[attr-defined]
        seconds = max(1e-9, time.perf_counter() - self._since)
        waited = data.waited - self._waited
        (waited,) = _sum(trainer, torch.tensor(waited / trainer.world_size, device=module.device))
        memory = trainer.strategy.reduce(
            torch.tensor(_peak_memory(module.device), device=module.device), reduce_op="max"
        )
        logged = {
            "train/cut": self.cut,
            "train/bad_samples": float(len(self.bad)),
            "speed/tokens_per_s": self._tokens / seconds,
            "speed/videos_per_s": self._videos / seconds,
            "speed/data_wait": waited / seconds,
            "speed/peak_memory_gb": float(memory),
        }
        module.log_dict(logged, batch_size=1)
        self.cut = 0.0
        self._restart_clock(trainer)

    def _restart_clock(self, trainer: L.Trainer) -> None:
        data: StoryDataModule = trainer.datamodule  # type: ignore[attr-defined]
        self._since, self._waited = time.perf_counter(), data.waited
        self._tokens = self._videos = 0


class ValidationMonitor(L.Callback):
    """Stops all ranks if one finds a bad sample: a loss without that sample would not be the split's loss."""

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Batch, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Stop if a rank has found a bad sample."""
        if trainer.strategy.reduce_boolean_decision(bool(batch.bad), all=False):
            found = [why for bad in gather(trainer, batch.bad) for why in bad.values()]
            leave(trainer, min(found))


def _peak_memory(device: torch.device) -> float:
    """Peak memory so far, in GB: of the GPU, else of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e9 if sys.platform == "darwin" else peak * 1024 / 1e9


def _sum(trainer: L.Trainer, first: Tensor, *others: float) -> list[float]:
    """Numbers of this rank, summed over all ranks in one call."""
    mine = torch.stack([first.float(), *(first.new_tensor(x, dtype=torch.float32) for x in others)])
    return trainer.strategy.reduce(mine, reduce_op="sum").tolist()
