"""Reads what will be asked for soon, in threads, and keeps it in memory until then."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue

THREADS = 8
MOST = 256 << 20  # bytes waiting, in each process


@dataclass(frozen=True, slots=True)
class _Waiting:
    size: int
    data: Future[bytes]


class Ahead:
    """Reads that were begun, by key.

    Args:
        most: bytes that may wait; what would be more is not begun.
        threads: reads at a time.
    """

    def __init__(self, most: int = MOST, threads: int = THREADS) -> None:
        self.most = most
        self.threads = threads
        self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._running = 0
        self._queue: SimpleQueue[tuple[Future[bytes], Callable[[], bytes]]] = SimpleQueue()
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    def __reduce__(self) -> tuple[type[Ahead], tuple[int, int]]:
        return Ahead, (self.most, self.threads)

    def begin(self, key: str, size: int, read: Callable[[], bytes]) -> None:
        """Begin a read, unless it has begun or too much is waiting."""
        if self._process != os.getpid():  # a forked worker has none of its parent's threads
            self._forget()
        if key in self._waiting:
            return
        # What nobody came for, since its sample turned out to be bad, makes room.
        while self._bytes() + size > self.most and self._waiting and self._oldest().data.done():
            self._waiting.popitem(last=False)
        if self._bytes() + size > self.most:
            return
        self._waiting[key] = _Waiting(size, Future())
        self._queue.put((self._waiting[key].data, read))
        if self._running < self.threads:
            self._running += 1
            # Daemons: a process that ends does not wait for what it no longer needs.
            threading.Thread(target=_work, args=(self._queue,), name="read-ahead", daemon=True).start()

    def take(self, key: str) -> bytes | None:
        """What was read, which is then forgotten; None if it was not begun. What the read raised is raised."""
        waiting = self._waiting.pop(key, None) if self._process == os.getpid() else None
        return None if waiting is None else waiting.data.result()

    def look(self, key: str) -> bytes | None:
        """Like `take`, but it remains."""
        waiting = self._waiting.get(key) if self._process == os.getpid() else None
        return None if waiting is None else waiting.data.result()

    def _bytes(self) -> int:
        return sum(waiting.size for waiting in self._waiting.values())

    def _oldest(self) -> _Waiting:
        return next(iter(self._waiting.values()))


def _work(queue: SimpleQueue[tuple[Future[bytes], Callable[[], bytes]]]) -> None:
    while True:
        future, read = queue.get()
        try:
            future.set_result(read())
        except BaseException as error:  # raised where the result is asked for
            future.set_exception(error)
