"""Videos side by side: iterators that run in threads, a bounded number of items ahead of their consumer."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Dropped(Exception):
    """Nobody will take what this thread makes."""


_here = threading.local()


def check_wanted() -> None:
    """Raise `Dropped` in a source whose consumer has gone: long sources call it, so that Ctrl-C is soon done.

    Anywhere else it does nothing.
    """
    channel: _Channel[Any] | None = getattr(_here, "channel", None)
    if channel is not None and channel.closed:
        raise Dropped


def processors_each() -> int:
    """Processors for a source's own use: its share where several run side by side, else all."""
    return max(1, len(os.sched_getaffinity(0)) // getattr(_here, "sources", 1))


class _End:
    """After the last item of a source."""


class ReadAhead(Generic[T]):
    """Runs `sources` in threads; a context manager whose threads end with it.

    Iterating gives, for each source in order, an iterator over its items; an error of a source is raised there.
    Moving on to the next source drops what is left of the one before.

    Args:
        sources: each is called, in a thread, for its iterator.
        threads: how many sources run at once.
        depth: items that a source may be ahead.
        window: sources that may be begun before the first of them is consumed; with `depth` it bounds memory. More
            than `threads` keeps all threads busy while a long source is waited for.
    """

    def __init__(
        self, sources: Sequence[Callable[[], Iterator[T]]], threads: int, depth: int = 2, window: int | None = None
    ) -> None:
        self._channels = [_Channel(source, depth) for source in sources]
        self._room = threading.Semaphore(max(threads, window or threads))
        self._next = iter(self._channels)
        self._left = False  # nobody will take more
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"read-ahead-{n}", daemon=True)
            for n in range(max(1, min(threads, len(sources))))
        ]

    def __enter__(self) -> ReadAhead[T]:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left = True
        for channel in self._channels:
            channel.closed = True
        self._room.release(len(self._threads))
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Iterator[T]]:
        for channel in self._channels:
            yield channel.items()
            channel.closed = True
            self._room.release()

    def _work(self) -> None:
        # Sources start in order, so the one being consumed is always running.
        while True:
            self._room.acquire()
            if self._left:
                return
            with self._lock:
                channel = next(self._next, None)
            if channel is None:
                self._room.release()  # the other threads shall learn of it too
                return
            _here.channel, _here.sources = channel, len(self._threads)
            channel.run()


class _Channel(Generic[T]):
    """One source on its way from its thread to the consumer."""

    def __init__(self, source: Callable[[], Iterator[T]], depth: int) -> None:
        self.source = source
        self.queue: queue.Queue[T | _End | BaseException] = queue.Queue(depth)
        self.closed = False  # nobody will take more

    def run(self) -> None:
        if self.closed:
            return
        try:
            for item in self.source():
                if not self._put(item):
                    return
        except BaseException as error:  # raised where it is consumed
            self._put(error)
        else:
            self._put(_End())

    def _put(self, item: T | _End | BaseException) -> bool:
        while not self.closed:
            try:
                self.queue.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def items(self) -> Iterator[T]:
        while not isinstance(item := self._get(), _End):
            if isinstance(item, BaseException):
                raise item
            yield item

    def _get(self) -> T | _End | BaseException:
        while True:
            try:
                return self.queue.get(timeout=0.5)
            except queue.Empty:
                if self.closed:  # its thread has stopped, so waiting on would be for ever
                    raise RuntimeError("these items were dropped when the consumer moved on") from None
