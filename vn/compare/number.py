"""A metric of a variant over its seeds, and its difference from another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vn.compare.crossed import arm, contrast
from vn.compare.rules import COUNTS
from vn.metrics.bootstrap import interval
from vn.score.sums import Measure


@dataclass(frozen=True)
class Number:
    """One metric of a variant in one setting.

    Attributes:
        values: the metric by seed, raw scale.
        seeds: the runs' seeds.
        measures: the measures by seed; empty if only ``scores.json`` has the number.
        low: the lower end of the 95 % interval of the mean over seeds; None if unknown. Over seeds and videos, for a
            single seed over videos only.
        high: its upper end.
        how: ``tokenisation``, ``variant``, ``model`` and ``coverage``, as ``scores.json`` writes them.
        seedless: whether every seed gives the same.
    """

    values: tuple[float, ...]
    seeds: tuple[int, ...]
    measures: tuple[Measure, ...]
    low: float | None
    high: float | None
    how: Mapping[str, Any]
    seedless: bool = False

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return float(np.mean(self.values))

    def at(self, seeds: tuple[int, ...]) -> Number:
        """Its number at these seeds, if every seed gives the same; else the number as it is."""
        if not self.seedless:
            return self
        count = len(seeds)
        return replace(self, values=self.values * count, seeds=seeds, measures=self.measures * count)

    @property
    def deviation(self) -> float | None:
        """The standard deviation over seeds; None for one seed."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Delta:
    """A difference on one metric.

    Attributes:
        value: raw scale; None if there is none: then only `why` is set, with the reason.
        low: the lower end of the 95 % interval over seeds and videos; None without one.
        high: its upper end.
        p_value: two-sided, after Holm's correction.
        seeds: the difference by seed (a main effect: by matched pair).
        verdict: ``counts``, ``does not count``, ``too few to say`` or ``no interval``.
        why: why it does not count.
        few: number of seeds of the variant that has fewer.
        videos: number of videos it was computed on.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    seeds: tuple[float, ...] = ()
    verdict: str = ""
    why: str = ""
    few: int = 0
    videos: int = 0

    @property
    def counts(self) -> bool:
        """Whether the difference counts, by the verdict."""
        return self.verdict == COUNTS


def ends(measures: Sequence[Measure], seed: int = 0) -> tuple[float, float] | None:
    """The 95 % interval of a mean over runs: over seeds and videos, for one run over videos; None for one video.

    Args:
        measures: one per run.
        seed: random seed of the bootstrap behind a single run's interval.
    """
    shared = shared_videos(measures)
    if not shared or len(shared[0].videos) < 2:
        return None
    if len(shared) == 1:
        return interval(shared[0].sums, shared[0].finish, seed)
    found = contrast([arm(shared)], [1])
    return found.low, found.high


def shared_videos(measures: Sequence[Measure]) -> list[Measure]:
    """The measures on the videos that all have: intra-repetition leaves out a video whose narrations are empty."""
    if all(m.videos == measures[0].videos for m in measures):
        return list(measures)
    videos = sorted(set.intersection(*(set(m.videos) for m in measures)))
    if not videos:
        return []
    return [replace(m, videos=tuple(videos), sums=m.of(videos)) for m in measures]
