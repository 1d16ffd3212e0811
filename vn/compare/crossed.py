"""How certain a mean over seeds is: one interval for what another training and other videos would change.

A score varies with the training (another seed, or the same seed with its sums in another order) and with the videos it
is computed on. All runs of a study have the same videos, so seeds and videos are crossed, and the variance of a
contrast of arms is the variance due to seeds plus what the videos add to it (random effects of a two-way layout):

    seeds    = sum of w^2 s^2 / n          s^2: variance of the runs' scores within an arm
    residual = sum of w^2 MS / (n V)       MS: mean square of run by video within an arm; it is part of `seeds`, too
    videos   = variance over videos of the contrast of the arms' means, divided by V; `residual` is part of it
    variance = max(seeds, residual) + max(videos - residual, 0)

Degrees of freedom are Satterthwaite's for the two components, with V - 1 for the videos, and for the seeds Welch's
(1947) of the arms' variances, but no more than the n - 1 of all arms together. A metric that is not a mean, such as
BLEU, enters with its jackknife pseudo-values over videos. Runs with the same seed are not paired: what they share
makes the interval too wide at most, and three pairs alone would leave two degrees of freedom.
`benchmarks/certainty.py` measures how often the interval contains the true value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.errors import InputError
from vn.score.sums import Measure


class Arm(NamedTuple):
    """Runs of one variant, on one metric.

    Attributes:
        values: `[n]`, the score of each run.
        parts: `[n, V]`, each video's contribution: its jackknife pseudo-value.
    """

    values: NDArray[np.float64]
    parts: NDArray[np.float64]


class Estimate(NamedTuple):
    """A contrast of arms with its 95 % interval.

    Attributes:
        value: value of the contrast, raw scale.
        low: lower end of the interval.
        high: upper end.
        p_value: two-sided, for a contrast of 0.
        freedom: degrees of freedom of the interval.
    """

    value: float
    low: float
    high: float
    p_value: float
    freedom: float


def arm(measures: Sequence[Measure]) -> Arm:
    """The arm of a metric's measures, one for each run, all on the same videos (two or more)."""
    return Arm(np.array([m.value for m in measures]), np.stack([_pseudo_values(m) for m in measures]))


def _pseudo_values(measure: Measure) -> NDArray[np.float64]:
    """`[V]`: V times the score minus V - 1 times the score without the video; plain values if it is a mean."""
    videos = len(measure.sums)
    total = measure.sums.sum(axis=0)
    return videos * measure.finish(total) - (videos - 1) * measure.finish(total - measure.sums)


def contrast(arms: Sequence[Arm], weights: Sequence[float]) -> Estimate:
    """A weighted sum of arms' means, such as one arm minus another, over seeds and videos.

    Args:
        arms: the arms, each of at least two runs on the same two or more videos.
        weights: weights of the arms.

    Raises:
        InputError: an arm of one run, or a single video.

    >>> one = Arm(np.array([0.30, 0.32, 0.34]), np.array([[0.2, 0.4], [0.22, 0.42], [0.24, 0.44]]))
    >>> contrast([one, one], [1, -1]).value
    0.0
    """
    videos = arms[0].parts.shape[1]
    if videos < 2 or min(len(each.values) for each in arms) < 2:
        raise InputError("an interval over seeds and videos needs two seeds per variant and two videos")
    value = residual = 0.0
    line = np.zeros(videos)
    seeds = []
    for each, weight in zip(arms, weights, strict=True):
        runs = len(each.values)
        value += weight * float(each.values.mean())
        seeds.append(weight**2 * float(each.values.var(ddof=1)) / runs)
        rest = each.parts - each.parts.mean(axis=0)
        rest -= rest.mean(axis=1, keepdims=True)
        residual += weight**2 * float((rest**2).sum()) / ((runs - 1) * (videos - 1)) / (runs * videos)
        line += weight * each.parts.mean(axis=0)
    by_seeds = max(sum(seeds), residual)
    by_videos = max(float(line.var(ddof=1)) / videos - residual, 0.0)
    return _estimate(value, by_seeds, by_videos, _freedom(seeds, [len(a.values) - 1 for a in arms]), videos - 1)


def _freedom(variances: Sequence[float], of_each: Sequence[int]) -> float:
    """Degrees of freedom of a sum of variances (Welch 1947), each with its own degrees of freedom."""
    squares = sum(v**2 / (f + 2) for v, f in zip(variances, of_each, strict=True))
    welch = sum(variances) ** 2 / squares - 2 if squares else np.inf
    return float(min(welch, sum(of_each)))


def _estimate(value: float, by_seeds: float, by_videos: float, of_seeds: float, of_videos: int) -> Estimate:
    from scipy.special import stdtr, stdtrit

    variance = by_seeds + by_videos
    error = variance**0.5
    if error <= 1e-12:  # all runs agree on all videos, up to rounding
        return Estimate(value, value, value, float(abs(value) <= 1e-12), of_seeds)
    freedom = 1 / ((by_seeds / variance) ** 2 / of_seeds + (by_videos / variance) ** 2 / of_videos)
    reach = float(stdtrit(freedom, 0.975)) * error
    p_value = min(1.0, 2 * float(stdtr(freedom, -abs(value) / error)))
    return Estimate(value, value - reach, value + reach, p_value, freedom)
