"""Videos in parallel: iterators that run in threads, a bounded number of items ahead of their consumer."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from vn.environment import cores

T = TypeVar("T")


class Dropped(Exception):
    """The consumer of this thread's items is gone."""


_here = threading.local()


def check_wanted() -> None:
    """Raise `Dropped` in a source whose consumer is gone: long sources call it, so that Ctrl-C takes effect soon.

    Elsewhere it does nothing.
    """
    channel: _Channel[Any] | None = getattr(_here, "channel", None)
    if channel is not None and channel.closed:
        raise Dropped


def processors_each() -> int:
    """Processors that a source may use: as set by `use_processors`, else its share if several run in parallel."""
    own: int | None = getattr(_here, "processors", None)
    return own or max(1, cores() // getattr(_here, "sources", 1))


def use_processors(count: int) -> None:
    """Set how many processors the sources of this thread may use."""
    _here.processors = count


class _End:
    """Marks the end of a source."""


class ReadAhead(Generic[T]):
    """Runs `sources` in threads; a context manager that joins its threads on exit.

    Iterating gives, for each source in order, an iterator over its items; an error of a source is raised there.
    Moving on to the next source drops the rest of the previous one.

    Args:
        sources: callables that return an iterator; each is called in a thread.
        threads: how many sources run at once.
        depth: items that a source may be ahead.
        window: sources that may be started before the first of them is consumed; with `depth` it bounds memory. More
            than `threads` keeps all threads busy while the consumer waits for a long source.
    """

    def __init__(
        self, sources: Sequence[Callable[[], Iterator[T]]], threads: int, depth: int = 2, window: int | None = None
    ) -> None:
        self._channels = [_Channel(source, depth) for source in sources]
        self._room = threading.Semaphore(max(threads, window or threads))
        self._next = iter(self._channels)
        self._left = False  # the consumer is gone
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
                self._room.release()  # so that the other threads stop too
                return
            _here.channel, _here.sources = channel, len(self._threads)
            channel.run()


class _Channel(Generic[T]):
    """The queue of one source between its thread and the consumer."""

    def __init__(self, source: Callable[[], Iterator[T]], depth: int) -> None:
        self.source = source
        self.queue: queue.Queue[T | _End | BaseException] = queue.Queue(depth)
        self.closed = False  # the consumer is gone

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
                if self.closed:  # its thread has stopped, so waiting would never end
                    raise RuntimeError("these items were dropped when the consumer moved on") from None
