"""Is a variant better or worse than the full method? Differences over seeds and videos, and how certain they are.

Every run of a study narrates the same test videos, so runs are compared video by video. The interval is over seeds and
videos (`vn.compare.crossed`); p-values are corrected for the number of variants (Holm 1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vn.compare.crossed import arm, contrast
from vn.errors import InputError
from vn.score.sums import Measure


class SeedDifference(NamedTuple):
    """How much higher the second scores than the first.

    Attributes:
        value: second minus first, means over seeds on all videos.
        low: the lower end of the 95 % interval over seeds and videos; None for a single seed or video.
        high: its upper end.
        p_value: two-sided, before any correction; None without an interval.
        seeds: second minus first by seed.
    """

    value: float
    low: float | None
    high: float | None
    p_value: float | None
    seeds: tuple[float, ...]


def seed_difference(first: Sequence[Measure], second: Sequence[Measure]) -> SeedDifference:
    """Compare two variants on one metric.

    Args:
        first: the metric of each seed's run.
        second: the metric of another variant's runs with the same seeds, in the same order.

    Raises:
        InputError: the videos, tokenisations or numbers of seeds differ.
    """
    if len(first) != len(second) or not first:
        raise InputError(f"a comparison needs the same seeds, got {len(first)} and {len(second)}")
    check_alike([*first, *second])
    seeds = tuple(b.value - a.value for a, b in zip(first, second, strict=True))
    if len(first) < 2 or len(first[0].videos) < 2:
        return SeedDifference(sum(seeds) / len(seeds), None, None, None, seeds)
    found = contrast([arm(first), arm(second)], [-1, 1])
    return SeedDifference(found.value, found.low, found.high, found.p_value, seeds)


def check_alike(measures: Sequence[Measure]) -> None:
    """Raise `InputError` unless all were computed in the same way on the same videos."""
    for name in ("tokenisation", "variant"):
        found = sorted({str(getattr(m, name)) for m in measures})
        if len(found) > 1:
            raise InputError(f"numbers of different {name}s are not compared: {', '.join(found)}")
    if any(m.videos != measures[0].videos for m in measures):
        raise InputError("the runs were not tested on the same videos")
