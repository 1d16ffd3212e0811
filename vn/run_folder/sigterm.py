"""SIGTERM, as cluster schedulers send it before they take a machine away: save, then exit (exit code 143)."""

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
    """Handles SIGTERM: if training polls for it (`awaited`), only sets `received`; otherwise ends the process at once.

    Lightning's own handler is not used: it communicates with the other ranks from within the signal handler, in the
    middle of whatever they are exchanging, and saves nothing.
    """

    def __init__(self) -> None:
        self.received = False
        self.awaited = False  # set by `vn.train.checkpoints.Checkpoints`, which saves first

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Handle SIGTERM while the block runs; in a thread, where Python receives no signals, do nothing."""
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
