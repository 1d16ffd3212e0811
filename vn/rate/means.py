"""Each system's means with intervals over stories, and paired differences between systems (paper Table 6)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.metrics.bootstrap import Estimate, Finish, difference, estimate, holm, mean
from vn.rate.ratings import CRITERIA, Ratings

GEOMETRIC = "geometric_mean"
GEOMETRIC_OF_RATINGS = "geometric_mean_of_ratings"
COLUMNS = (*CRITERIA, GEOMETRIC)


class Paired(NamedTuple):
    """How much higher the second of two systems is rated, on the stories that both have ratings of.

    Attributes:
        first: name of a system.
        second: name of another.
        column: a criterion, or ``geometric_mean``.
        value: second minus first.
        low: the lower end of the 95 % interval over stories; None if there are fewer than two.
        high: its upper end.
        p_value: two-sided, after Holm's correction over the pairs of systems; None without an interval.
    """

    first: str
    second: str
    column: str
    value: float
    low: float | None
    high: float | None
    p_value: float | None


def geometric_mean(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The geometric mean of the criteria's unrounded means.

    >>> sums = np.array([4.0, 2.0, 2.0, 2.0, 4.0, 2.0])  # means 2, 1, 2
    >>> print(f"{geometric_mean(sums):.4f}")
    1.5874

    Args:
        sums: ``[..., 6]``: a total and a count per criterion.
    """
    means = sums[..., ::2] / sums[..., 1::2]
    return np.asarray(np.prod(means, axis=-1) ** (1 / means.shape[-1]))


def system_means(ratings: Ratings, seed: int = 0) -> dict[str, dict[str, Estimate]]:
    """The mean of each criterion and both readings of the geometric mean, by system."""
    found = {}
    for m, system in enumerate(ratings.systems):
        columns = _columns(ratings, m)
        rows = {name: estimate(sums[_counted(sums)], finish, seed) for name, (sums, finish) in columns.items()}
        found[system] = rows
    return found


def differences(ratings: Ratings, seed: int = 0) -> list[Paired]:
    """Every two systems, each column; p-values are corrected for the number of pairs, each column by itself."""
    found = []
    own = [_columns(ratings, m) for m in range(len(ratings.systems))]
    for column in COLUMNS:
        drawn = {}
        for a, b in combinations(range(len(own)), 2):
            (first, finish), (second, _) = own[a][column], own[b][column]
            both = _counted(first) & _counted(second)
            if not both.any():
                continue
            value = float(finish(second[both].sum(axis=0)) - finish(first[both].sum(axis=0)))
            found_there = difference(first[both], second[both], finish, seed) if both.sum() > 1 else None
            drawn[a, b] = value, found_there
        corrected = holm({f"{a} {b}": d.p_value for (a, b), (_, d) in drawn.items() if d is not None})
        for (a, b), (value, d) in drawn.items():
            low, high = (d.low, d.high) if d else (None, None)
            names = ratings.systems[a], ratings.systems[b]
            found.append(Paired(*names, column, value, low, high, corrected.get(f"{a} {b}")))
    return found


def _columns(ratings: Ratings, m: int) -> Mapping[str, tuple[NDArray[np.float64], Finish]]:
    """What is shown of a system: the sums per story, and what they become."""
    values = ratings.values[:, :, m]  # [R, S, C]
    own = [_total_and_count(values[..., c]) for c in range(len(CRITERIA))]
    each = np.cbrt(np.prod(values, axis=-1))  # NaN unless all three are there
    return {
        **{name: (sums, mean) for name, sums in zip(CRITERIA, own, strict=True)},
        GEOMETRIC: (np.concatenate(own, axis=-1), geometric_mean),
        GEOMETRIC_OF_RATINGS: (_total_and_count(each), mean),
    }


def _total_and_count(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[R, S]`` to ``[S, 2]``."""
    return np.stack([np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0)], axis=-1).astype(float)


def _counted(sums: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The stories that have a rating in every column that is counted."""
    return np.asarray((sums[:, 1::2] > 0).all(axis=-1))
