"""What happens while videos are written, counted by name; of a video that is not finished, nothing counts."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()  # what the video that this thread writes has counted


class Counts:
    """Counts by name; threads add to them at once.

    Args:
        names: those that are reported even if they stay 0.
    """

    def __init__(self, *names: str) -> None:
        self._counter: Counter[str] = Counter(dict.fromkeys(names, 0))
        self._lock = threading.Lock()

    def add(self, name: str, number: int = 1) -> None:
        """Count something, within `of_one_video` when that ends."""
        kept: dict[Counts, Counter[str]] | None = getattr(_here, "kept", None)
        if kept is None:
            self._update({name: number})
        else:
            kept.setdefault(self, Counter())[name] += number

    def report(self) -> dict[str, float]:
        """The counts by name, in alphabetical order."""
        with self._lock:
            return dict(sorted(self._counter.items()))

    def _update(self, more: dict[str, int]) -> None:
        with self._lock:
            self._counter.update(more)


@contextmanager
def of_one_video() -> Iterator[None]:
    """What this thread counts in the block counts only if the block ends without an error.

    So a video that is interrupted, and written from its beginning when the run is continued, is counted once.
    """
    _here.kept = {}
    try:
        yield
        for counts, more in _here.kept.items():
            counts._update(more)
    finally:
        del _here.kept
