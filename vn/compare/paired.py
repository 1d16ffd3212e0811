"""Is a variant better or worse than the full method? Differences over seeds and videos, and how sure they are.

Every run of a study narrates the same test videos, so runs are compared video by video: first the mean over seeds of
each video, then the bootstrap over videos. A difference counts when its 95 % interval leaves out 0, its sign is the
same in every seed, and its p-value holds beside those of the other variants (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vn.errors import InputError
from vn.metrics.bootstrap import difference
from vn.metrics.measures import Measure

RESAMPLES = 10_000  # p-values down to 0.0002, so that Holm's correction has room


class SeedDifference(NamedTuple):
    """How much higher the second scores than the first.

    Attributes:
        value: second minus first, of the means over seeds, on all videos.
        low: the lower end of the 95 % interval over videos.
        high: its upper end.
        p_value: two-sided, of no difference, before any correction.
        seeds: second minus first by seed.
    """

    value: float
    low: float
    high: float
    p_value: float
    seeds: tuple[float, ...]

    @property
    def same_sign(self) -> bool:
        """Whether all seeds agree on the sign, and none has no difference."""
        return all(s > 0 for s in self.seeds) or all(s < 0 for s in self.seeds)

    def counts(self, p_value: float | None = None, level: float = 0.05) -> bool:
        """Whether the difference is sure; `p_value` is the corrected one where there are others beside it."""
        p = self.p_value if p_value is None else p_value
        return p < level and self.same_sign and not self.low <= 0 <= self.high


def seed_difference(first: Sequence[Measure], second: Sequence[Measure], seed: int = 0) -> SeedDifference:
    """Compare two variants on one metric.

    Args:
        first: the metric of each seed's run.
        second: of the same seeds' runs of another variant, in the same order.
        seed: of the resampling.

    Raises:
        InputError: other videos, other tokenisations, or not as many seeds.
    """
    if len(first) != len(second) or not first:
        raise InputError(f"a comparison needs the same seeds, got {len(first)} and {len(second)}")
    measures = [*first, *second]
    for name in ("tokenisation", "variant"):
        found = sorted({str(getattr(m, name)) for m in measures})
        if len(found) > 1:
            raise InputError(f"numbers of different {name}s are not compared: {', '.join(found)}")
    if any(m.videos != measures[0].videos for m in measures):
        raise InputError("the runs were not tested on the same videos")
    means = [np.mean([m.sums for m in each], axis=0) for each in (first, second)]
    d = difference(means[0], means[1], first[0].finish, seed, RESAMPLES)
    return SeedDifference(*d, tuple(b.value - a.value for a, b in zip(first, second, strict=True)))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction: p-values that hold when all these comparisons are made at once.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'c': 0.06, 'b': 0.06}
    """
    corrected: dict[str, float] = {}
    highest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda n: p_values[n])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[name]))
        corrected[name] = highest
    return corrected
