"""Agreement computed the long way, pair by pair, from the definitions."""

from __future__ import annotations

from functools import cache
from itertools import combinations, permutations

import numpy as np


def alpha(ratings: np.ndarray, ordinal: bool) -> float:
    """Krippendorff's alpha of ``[R, U]`` as 1 - observed / expected disagreement over pairs of ratings."""
    units = [column[~np.isnan(column)] for column in ratings.T]
    units = [unit for unit in units if len(unit) > 1]
    pooled = np.concatenate(units)

    @cache
    def distance(a: float, b: float) -> float:
        if not ordinal:
            return (a - b) ** 2
        low, high = sorted((a, b))
        between = sum(low <= x <= high for x in pooled)
        return (between - (sum(pooled == low) + sum(pooled == high)) / 2) ** 2 if low < high else 0.0

    observed = sum(sum(distance(a, b) for a, b in permutations(unit.tolist(), 2)) / (len(unit) - 1) for unit in units)
    expected = sum(distance(a, b) for a, b in permutations(pooled.tolist(), 2)) / (len(pooled) - 1)
    return 1 - observed / expected


def pearson(ratings: np.ndarray) -> float:
    """The mean of r over pairs of raters, on what both rated."""
    found = []
    for x, y in combinations(ratings, 2):
        both = ~np.isnan(x) & ~np.isnan(y)
        if both.sum() > 1 and np.ptp(x[both]) and np.ptp(y[both]):
            found.append(np.corrcoef(x[both], y[both])[0, 1])
    return float(np.mean(found))
