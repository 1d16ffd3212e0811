"""All ratings of an evaluation as one array, and what is computed from it as sums over stories."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.metrics.bootstrap import Finish, interval

CRITERIA = ("relevance", "attractiveness", "coherence")
POINTS = 4  # 0 to 3


class Estimate(NamedTuple):
    """A number with its 95 % interval over stories; None if there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Ratings:
    """What raters gave.

    Attributes:
        raters: their names.
        stories: ids of the videos.
        systems: names of the systems.
        values: ``[R, S, M, C]``: raters, stories, systems, criteria; 0 to 3, NaN for no rating.
        seconds: ``[R, S, M]``: for how long the rater had that narrated story on screen.
        lengths: ``[S]``: seconds of each story.
    """

    raters: tuple[str, ...]
    stories: tuple[str, ...]
    systems: tuple[str, ...]
    values: NDArray[np.float64]
    seconds: NDArray[np.float64]
    lengths: NDArray[np.float64]

    def without(self, names: list[str]) -> Ratings:
        """The ratings of all other raters."""
        kept = [i for i, rater in enumerate(self.raters) if rater not in names]
        raters = tuple(self.raters[i] for i in kept)
        return replace(self, raters=raters, values=self.values[kept], seconds=self.seconds[kept])

    @property
    def missing(self) -> dict[str, int]:
        """How many ratings each rater left open, if any."""
        counts = np.isnan(self.values).sum(axis=(1, 2, 3))
        return {rater: int(n) for rater, n in zip(self.raters, counts, strict=True) if n}


def estimate(sums: NDArray[np.float64], finish: Finish, seed: int = 0) -> Estimate:
    """A number of summed stories, with its interval.

    Args:
        sums: ``[S, K]``.
        finish: ``[..., K]`` to ``[...]``; NaN if it is not defined.
        seed: random seed of the resampling.
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
