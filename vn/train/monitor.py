"""Monitors optimizer steps: logs loss, gradient norm and speed, and stops a run that goes wrong.

With an optimizer that is gated (`vn.train.optimizer`), as on CUDA, the host does not wait for the device in each step:
a step's numbers stay there until they are logged, or needed before a validation, a checkpoint or an epoch's end. A
step whose loss or gradients are not finite is held back on the device, as are all that follow, until the host has read
of it and stops the run. Otherwise the numbers are read before the step is applied.
"""

from __future__ import annotations

import logging
import math
import resource
import sys
import time
from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.optim import Optimizer

from vn.llm.packing import Batch
from vn.train.datamodule import StoryDataModule
from vn.train.module import NarratorModule
from vn.train.optimizer import hold_back, is_gated
from vn.train.ranks import gather, leave, total
from vn.train.step_sums import Part, Step, read, sum_step

logger = logging.getLogger(__name__)

MOST_KEYS = 12  # most clips that a message names
MOST_UNREAD = 100  # steps that a run without log lines makes at most before it sees that one was held back


class StepMonitor(L.Callback):
    """Sums a step over micro-batches and ranks before the optimizer's update: logs it, or stops the run on all ranks.

    Args:
        bad_samples: how many samples may be left out because they are unreadable or too long.
    """

    def __init__(self, bad_samples: int) -> None:
        self.most_bad = bad_samples
        self.bad: dict[str, str] = {}  # key -> what is wrong with it
        self.cut = 0.0  # clips cut to fit, since they were last logged
        self._trainer: L.Trainer | None = None
        self._parts: list[Part] = []  # the current step's
        self._unread: list[Step] = []
        self._loss = self._norm = math.nan
        self._since = self._waited = 0.0
        self._tokens = self._videos = 0

    @property
    def state_key(self) -> str:
        """The key of its state in checkpoints."""
        return "StepWatch"  # the key in checkpoints: the class's name when they were first written

    def state_dict(self) -> dict[str, Any]:
        """The bad samples so far, and the number of clips cut since the last log line.

        A checkpoint asks for it before it is written, so that none is written with steps that were not read.
        """
        self._read()
        return {"bad": self.bad, "cut": self.cut}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them."""
        self.bad, self.cut = state["bad"], state["cut"]

    # -- a step -----------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Register for each micro-batch, and start the clock."""
        assert isinstance(pl_module, NarratorModule)
        self._trainer = trainer
        self._parts, self._unread = [], []
        pl_module.on_micro_batch = self._add
        self._restart_clock(trainer)

    def _add(self, loss: Tensor, batch: Batch) -> None:
        """Add a micro-batch and its share of the step's mean loss."""
        self._parts.append(Part(loss, batch.keys, batch.cut, batch.bad))

    def on_before_optimizer_step(self, trainer: L.Trainer, pl_module: L.LightningModule, optimizer: Optimizer) -> None:
        """Sum over the step, and stop the run, or hold the step back, if its loss or gradients are not finite."""
        # DeepSpeed's engine counts micro-batches itself, so Lightning calls this hook after each.
        if len(self._parts) < trainer.accumulate_grad_batches:
            return
        engine = trainer.strategy.handles_gradient_accumulation
        # Those that the optimizer has, in the module's order: to list the module's own takes as long as the update.
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [] if engine else [p.grad for p in trained if p.grad is not None]
        step = sum_step(trainer, self._parts, gradients)
        self._unread.append(step)
        if is_gated(optimizer):
            hold_back(optimizer, step.not_finite)
        else:
            self._read()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Log the step, and the interval at its end."""
        if len(self._parts) < trainer.accumulate_grad_batches:
            return
        engine: Any = trainer.model
        if trainer.strategy.handles_gradient_accumulation and (norm := engine.get_global_grad_norm()) is not None:
            self._check_norm(trainer, trainer.global_step - 1, self._parts, float(norm))  # counted already
        self._tokens += batch.step_targets
        self._videos += batch.step_videos
        self._parts = []
        every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
        due = every > 0 and trainer.global_step % every == 0
        full = len(self._unread) >= MOST_UNREAD
        if due or full or trainer.should_stop or trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._read()
        # Loggers and the bar get the numbers at log lines: to log a number takes Lightning longer than AdamW its step.
        last = trainer.is_last_batch or trainer.should_stop or trainer.fast_dev_run  # type: ignore[attr-defined]
        if not self._unread and (due or last):
            _log(pl_module, {"train/loss": self._loss}, prog_bar=True)
            _log(pl_module, {"train/grad_norm": self._norm})
        if due:
            self._log_interval(trainer, pl_module)

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Read the steps that a validation follows."""
        self._read()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Read the last steps, before weights are saved."""
        self._read()

    # -- what the host has to know ----------------------------------------------------------------------------

    def _read(self) -> None:
        """Read the steps that are unread, and stop the run at the first bad one."""
        trainer, steps, self._unread = self._trainer, self._unread, []
        assert trainer is not None or not steps
        for step, (loss, cut, bad, norm) in zip(steps, read(steps), strict=True):
            assert trainer is not None
            if bad:
                self._count_bad(trainer, step.parts)
            self._loss, self.cut = loss, self.cut + cut
            if not math.isfinite(loss):
                finite = torch.isfinite(torch.stack([part.loss for part in step.parts])).tolist()
                guilty = [part for part, is_finite in zip(step.parts, finite, strict=True) if not is_finite]
                self._stop(trainer, f"the loss is {loss} at step {step.index}", guilty)
            if not trainer.strategy.handles_gradient_accumulation:
                self._check_norm(trainer, step.index, step.parts, norm)

    def _check_norm(self, trainer: L.Trainer, step: int, parts: list[Part], norm: float) -> None:
        """Check the gradient norm, except at half precision, where loss scaling skips steps that overflow."""
        self._norm = norm
        if not math.isfinite(norm) and not str(trainer.precision).startswith("16"):
            self._stop(trainer, f"the gradient norm is {norm} at step {step}", parts)

    def _stop(self, trainer: L.Trainer, what: str, guilty: list[Part]) -> None:
        named = [key for keys in gather(trainer, [key for part in guilty for key in part.keys]) for key in keys]
        more = f" and {len(named) - MOST_KEYS} more" if len(named) > MOST_KEYS else ""
        leave(trainer, f"{what}; the clips: {', '.join(named[:MOST_KEYS])}{more}")

    def _count_bad(self, trainer: L.Trainer, parts: list[Part]) -> None:
        mine = {key: why for part in parts for key, why in part.bad.items()}
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
        waited = torch.tensor((data.waited - self._waited) / trainer.world_size, device=module.device)
        memory = trainer.strategy.reduce(
            torch.tensor(_peak_memory(module.device), device=module.device), reduce_op="max"
        )
        logged = {
            "train/cut": self.cut,
            "train/bad_samples": float(len(self.bad)),
            "speed/tokens_per_s": self._tokens / seconds,
            "speed/videos_per_s": self._videos / seconds,
            "speed/data_wait": float(total(trainer, waited)) / seconds,
            "speed/peak_memory_gb": float(memory),
        }
        _log(module, logged)
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


def _log(module: L.LightningModule, values: Mapping[str, float], prog_bar: bool = False) -> None:
    """Log numbers that the host has; as numbers, Lightning would copy them to the device, and wait to get them back."""
    module.log_dict({name: torch.tensor(value) for name, value in values.items()}, prog_bar=prog_bar, batch_size=1)
