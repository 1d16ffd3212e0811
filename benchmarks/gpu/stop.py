"""A callback that ends a training once, as a cluster does that needs the machine."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import lightning as L


class StopOnce(L.Callback):
    """Sends SIGTERM to its own process after an optimizer step, unless it did so before.

    Args:
        file: written when it has; where it exists nothing is stopped.
        step: number of optimizer steps.
    """

    def __init__(self, file: str, step: int) -> None:
        self.file = Path(file)
        self.step = step

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step and not self.file.exists():
            self.file.touch()
            os.kill(os.getpid(), signal.SIGTERM)
