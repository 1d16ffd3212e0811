"""SIGTERM, as cluster schedulers send it before they take a machine away: save, then go (exit code 143)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT = 128 + signal.SIGTERM


class Preempted(SystemExit):
    """The process was asked to end by SIGTERM."""

    def __init__(self) -> None:
        super().__init__(EXIT)


class Sigterm:
    """Hears SIGTERM: where training says that it will look, it only notes it; elsewhere it ends the process at once.

    Lightning's own handler is not used: it talks to the other ranks from within the signal, in the middle of whatever
    they are saying to each other, and saves nothing.
    """

    def __init__(self) -> None:
        self.received = False
        self.awaited = False  # by `vn.train.checkpoints.Checkpoints`, which saves first

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Listen while the block runs; in a thread, where Python hears no signal, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGTERM, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        self.received = True
        if not self.awaited:
            raise Preempted
