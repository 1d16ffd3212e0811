"""All ratings of an evaluation as one array, and what is computed from it as sums over stories."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

CRITERIA = ("relevance", "attractiveness", "coherence")
POINTS = 4  # 0 to 3


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
