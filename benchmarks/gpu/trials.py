"""What the sections of `check.py` share: the machine's place, the shapes and stories, the time left, and trials."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))  # the benchmarks that this builds on

import numpy as np
import stories as s
from flops import Shape
from hardware import Place

from vn.story import Story

Result = dict[str, Any]
T = TypeVar("T")


class SkippedError(Exception):
    """A trial that cannot run here; says why."""


@dataclass(frozen=True)
class Trial:
    """A measurement of a section, which fails alone.

    Attributes:
        name: in the results.
        work: measures; the result is plain values for JSON.
        least: seconds that it needs at least: with fewer left it is skipped.
    """

    name: str
    work: Callable[[], Result]
    least: float = 2.0


@dataclass
class Run:
    """One run of the check.

    Attributes:
        place: the device, and the dtype of speed measurements.
        shape: of the model whose speed is measured.
        small: of the model that must compute the same everywhere.
        deadline: of `time.monotonic`.
        quick: the least that runs every line: on the CPU.
        folder: for what the sections write.
        lengths: a file of text lengths, if there is one.
        narrow: for host time: `shape` with as many layers, so thin that the device waits for the host.
    """

    place: Place
    shape: Shape
    small: Shape
    narrow: Shape
    deadline: float
    quick: bool
    folder: Path
    lengths: Path | None = None
    _held: tuple[str, Any] | None = field(default=None, repr=False)
    _started: dict[type, Any] = field(default_factory=dict, repr=False)

    def left(self) -> float:
        """Seconds left."""
        return self.deadline - time.monotonic()

    @cached_property
    def stories(self) -> list[Story]:
        """All stories, from few clips to many."""
        found, self.what = s.stories(self.lengths)
        found = sorted((x for x in found if len(x.narrated) >= 2), key=lambda x: (len(x.narrated), x.id))
        return [s.first_clips(x, 2) for x in found[:4]] if self.quick else found

    def some(self, count: int) -> list[Story]:
        """That many stories, evenly through all of them."""
        every = self.stories
        return [every[(2 * i + 1) * len(every) // (2 * count)] for i in range(min(count, len(every)))]

    def hold(self, key: str, make: Callable[[], Any]) -> Any:
        """Something large, made once as long as nothing else is held: a model."""
        if self._held is None or self._held[0] != key:
            self.drop()
            self._held = key, make()
        return self._held[1]

    def started(self, kind: type[T]) -> T:
        """Something that goes on beside the sections, begun when it is first asked for."""
        if kind not in self._started:
            self._started[kind] = kind(self)  # type: ignore[call-arg]
        known: T = self._started[kind]
        return known

    def drop(self) -> None:
        """Free what is held."""
        self._held = None
        self.place.free()

    def clock(self, work: Callable[[], Any], most: int = 5, seconds: float = 5.0) -> list[float]:
        """Wall seconds of repeats, after one to warm up: as many as the seconds allow, two at least.

        Args:
            work: what is timed; the device has finished before and after it.
            most: repeats at most.
            seconds: for all of them.
        """
        begin = self.place.now()[0]
        work()
        first = self.place.now()[0] - begin
        repeats = 1 if self.quick else max(2, min(most, int(min(seconds, self.left() / 4) / max(first, 1e-3))))
        took = []
        for _ in range(repeats):
            begin = self.place.now()[0]
            work()
            took.append(self.place.now()[0] - begin)
        return took


def spread(took: Sequence[float]) -> Result:
    """The median of seconds, the least and the greatest, and how many."""
    return {"seconds": median(took), "least": min(took), "most": max(took), "repeats": len(took)}


def apart(found: np.ndarray, expected: np.ndarray) -> float:
    """The norm of a difference, relative to what is expected."""
    return float(np.linalg.norm(found.astype(np.float64) - expected) / np.linalg.norm(expected))
