"""The numbers of an optimizer step, summed over its micro-batches and all ranks, and left on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lightning as L
import torch
from torch import Tensor

from vn.train.ranks import total


@dataclass(frozen=True, slots=True)
class Part:
    """A micro-batch of this rank: its share of the step's mean loss, a scalar on the device, and what it had.

    Attributes:
        loss: share of the step's mean loss, on the device.
        keys: ``video#clip`` of its rows.
        cut: number of rows that were cut to fit.
        bad: videos that were left out: key, and what is wrong.
    """

    loss: Tensor
    keys: list[str]
    cut: int
    bad: dict[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """An optimizer step.

    Attributes:
        index: the step, from 0.
        parts: micro-batches of this rank.
        sums: ``[4]`` on the device: loss, clips cut, bad videos (all summed over ranks) and the norm of the gradients.
    """

    index: int
    parts: list[Part]
    sums: Tensor

    @property
    def not_finite(self) -> Tensor:
        """A scalar on the device: 1.0 if loss or norm is not a finite number, else 0.0."""
        return torch.isfinite(self.sums).all().logical_not().float()


def sum_step(trainer: L.Trainer, parts: list[Part], gradients: Sequence[Tensor]) -> Step:
    """Sum a step; all ranks call it, and none of them waits for its device.

    Args:
        trainer: the trainer.
        parts: micro-batches of this rank.
        gradients: the step's gradients; none if the engine keeps them, and the norm is then 0.
    """
    loss = torch.stack([part.loss for part in parts]).sum().float()
    # Filled by a kernel: a number copied from the host's ordinary memory would wait for the device.
    counts = (sum(part.cut for part in parts), any(part.bad for part in parts))
    sums = total(trainer, torch.stack([loss, *(torch.full_like(loss, float(count)) for count in counts)]))
    norm = torch.nn.utils.get_total_norm(gradients).float() if gradients else torch.zeros_like(loss)
    return Step(trainer.global_step, parts, torch.cat([sums, norm[None]]))


def read(steps: Sequence[Step]) -> list[list[float]]:
    """The sums of steps, in one copy from the device."""
    return torch.stack([step.sums for step in steps]).tolist() if steps else []
