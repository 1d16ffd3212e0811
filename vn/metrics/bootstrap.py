"""How much a score varies by chance: the bootstrap over videos (Koehn 2004).

Each metric here is a function of sums over videos (counts for BLEU, scores and clips for a mean), so that a resample
does not read any text again: the sums of all resamples are one matrix product.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.errors import InputError

RESAMPLES = 1000
KEPT_BYTES = 1 << 28  # 50 draws for a test with 5,000 videos
Finish = Callable[[NDArray[np.float64]], NDArray[np.float64]]


class Estimate(NamedTuple):
    """A number with its 95 % interval over videos; None if there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Difference(NamedTuple):
    """How much higher the second run scores than the first.

    Attributes:
        value: second minus first, on all videos.
        low: the 95 % interval's lower end.
        high: its upper end.
        p_value: two-sided; at least 2 / (resamples + 1).
    """

    value: float
    low: float
    high: float
    p_value: float


def interval(
    sums: NDArray[np.float64], finish: Finish, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a score over videos; None for a single video.

    Args:
        sums: `[V, K]`, what the metric needs per video.
        finish: the metric of summed rows, `[..., K]` to `[...]`.
        seed: random seed of the resampling; the same seed draws the same videos.
        resamples: number of resamples.

    >>> hits_and_clips = np.array([[3.0, 5.0], [4.0, 5.0], [5.0, 5.0], [1.0, 5.0]])
    >>> low, high = interval(hits_and_clips, mean)
    >>> 0.2 <= low < 0.65 < high <= 1.0
    True
    """
    if len(sums) < 2:
        return None
    low, high = np.quantile(finish(resampled(sums, seed, resamples)), [0.025, 0.975])
    return float(low), float(high)


def estimate(sums: NDArray[np.float64], finish: Finish, seed: int = 0) -> Estimate:
    """A number of summed videos, with its interval.

    Args:
        sums: `[V, K]`.
        finish: as in `interval`; NaN if it is not defined.
        seed: as in `interval`.
    """
    if not len(sums):
        return Estimate(None)
    value = float(finish(sums.sum(axis=0)))
    if not np.isfinite(value):
        return Estimate(None)
    ends = interval(sums, finish, seed)
    if ends is None or not np.isfinite(ends).all():
        return Estimate(value)
    return Estimate(value, *ends)


def difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    finish: Finish,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Difference:
    """Second minus first on the same videos, each resample drawing the same videos for both.

    Args:
        first: `[V, K]`, as in `interval`.
        second: `[V, K]`, the same videos in the same order.
        finish: as in `interval`.
        seed: as in `interval`.
        resamples: as in `interval`.

    Raises:
        InputError: fewer than two videos, or not the same number.
    """
    if first.shape != second.shape or len(first) < 2:
        raise InputError(f"a paired difference needs the same two videos or more, got {len(first)} and {len(second)}")
    drawn = finish(resampled(second, seed, resamples)) - finish(resampled(first, seed, resamples))
    low, high = np.quantile(drawn, [0.025, 0.975])
    tail = min((drawn <= 0).sum(), (drawn >= 0).sum()) + 1
    value = finish(second.sum(axis=0)) - finish(first.sum(axis=0))
    return Difference(float(value), float(low), float(high), float(min(1.0, 2 * tail / (resamples + 1))))


def mean(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The `finish` of a plain mean: rows hold a total and a count, above 0."""
    return sums[..., 0] / sums[..., 1]


def resampled(sums: NDArray[np.float64], seed: int = 0, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """`[R, K]`: the sums over as many videos as there are, drawn with replacement."""
    return _times_drawn(len(sums), seed, resamples) @ sums


@functools.lru_cache(maxsize=2)
def _times_drawn(videos: int, seed: int, resamples: int) -> NDArray[np.float64]:
    """`[R, V]`: how often each resample draws each video.

    As floats: a product of integers and floats takes numpy's slow way, thirty times slower.
    """
    drawn = _draws.of(videos, seed, resamples).astype(np.float64)
    drawn.setflags(write=False)
    return drawn


class _Draws:
    """Draws that are kept as small integers, since all metrics of a test, and of each of its parts, draw the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int, int], NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, videos: int, seed: int, resamples: int) -> NDArray[Any]:
        """`[R, V]`, of the smallest unsigned integers that hold them."""
        key = (videos, seed, resamples)
        with self._lock:
            if key not in self._kept:
                times = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=resamples)
                self._kept[key] = times.astype(np.min_scalar_type(times.max()))
                while len(self._kept) > 1 and sum(each.nbytes for each in self._kept.values()) > KEPT_BYTES:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


_draws = _Draws()


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction: p-values adjusted for making all these comparisons at once.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    corrected: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda n: p_values[n])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = highest
    return corrected
