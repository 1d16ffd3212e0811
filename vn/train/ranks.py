"""How the processes of a run exchange data, and how they end together."""

from __future__ import annotations

from typing import Any, NoReturn

import lightning as L
import torch.distributed
from torch import Tensor

from vn.errors import InputError


def gather(trainer: L.Trainer, mine: Any) -> list[Any]:
    """Each rank's object, in rank order; all ranks call it."""
    if trainer.world_size == 1:
        return [mine]
    everyone: list[Any] = [None] * trainer.world_size
    torch.distributed.all_gather_object(everyone, mine)
    return everyone


def leave(trainer: L.Trainer, message: str) -> NoReturn:
    """Stop the run: all ranks call it, and the first one reports the error."""
    if trainer.is_global_zero:
        raise InputError(message)
    raise SystemExit(2)


def total(trainer: L.Trainer, mine: Tensor) -> Tensor:
    """A tensor, summed over ranks in place; all ranks call it.

    Lightning's own ``reduce`` first waits until all ranks and their devices have come so far.
    """
    if trainer.world_size > 1:
        torch.distributed.all_reduce(mine)
    return mine


def has_lost_another(error: BaseException) -> bool:
    """Whether an error says that another process of the run cannot be reached: it was killed, or has failed itself."""
    lost = isinstance(error, RuntimeError) and ("closed by peer" in str(error) or "reset by peer" in str(error))  # gloo
    return lost or isinstance(error, torch.distributed.DistError)
