"""Checkpoints that are either whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.fabric.utilities.types import _PATH
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

from vn.data.atomic import atomic_write


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the checkpoint and renames.

    Lightning's own writes to the system's temporary folder and moves from there: onto another file system, that is
    a copy over the older checkpoint, and a disk that fills up meanwhile costs both.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: _PATH, storage_options: Any | None = None) -> None:
        """Write a checkpoint; `InputError` says why it cannot be, and the older one is as it was."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(file) as out:
            torch.save(checkpoint, out)


def use_atomic_checkpoints(trainer: L.Trainer) -> None:
    """Have a trainer write its checkpoints so, unless its strategy has files of its own (DeepSpeed, FSDP)."""
    if type(trainer.strategy) in (SingleDeviceStrategy, DDPStrategy):
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()
