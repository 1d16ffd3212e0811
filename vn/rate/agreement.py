"""How well raters agree: Krippendorff's alpha, mean pairwise Pearson correlation, and intraclass correlations.

Each is a function of sums over stories, as a metric of `vn.metrics.bootstrap` is, so that value and interval over
stories come from one place. Ratings are a matrix ``[R, U]`` of raters by units (what is rated), NaN where a rater gave
none. Written from the definitions: Krippendorff (2011), McGraw and Wong (1996).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # sums ``[..., K]`` to values ``[...]``; NaN if it is not defined
ICC = ("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)")


def coincidences(ratings: Floats, points: int) -> Floats:
    """How often two ratings of a unit meet, ``[U, points * points]``; each unit counts as often as it was rated.

    Args:
        ratings: ``[R, U]``, whole numbers from 0 to `points` - 1, or NaN.
        points: number of points of the scale.
    """
    counts = (ratings[..., None] == np.arange(points)).sum(axis=0).astype(float)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(points)
    others = counts.sum(axis=1) - 1
    pairs[others < 1] = 0.0  # one rating alone agrees with nothing
    return np.asarray(pairs / np.maximum(others, 1)[:, None, None]).reshape(len(counts), -1)


def alpha(sums: Floats, ordinal: bool) -> Floats:
    """Krippendorff's alpha from summed coincidences; NaN if all ratings are equal, since nothing could then disagree.

    The distance of two points is their difference (interval), or the number of ratings between their middles (ordinal).

    >>> four = np.array([[0, 1, 2, 2], [0, 1, 2, 1]], dtype=float)
    >>> print(f"{alpha(coincidences(four, 3).sum(axis=0), ordinal=False):.3f}")
    0.821

    Args:
        sums: ``[..., points * points]``, from `coincidences`.
        ordinal: whether the points have an order only.
    """
    points = round(sums.shape[-1] ** 0.5)
    met = sums.reshape(*sums.shape[:-1], points, points)
    counts = met.sum(axis=-1)
    total = counts.sum(axis=-1)
    place = counts.cumsum(axis=-1) - counts / 2 if ordinal else np.broadcast_to(np.arange(points), counts.shape)
    distance = (place[..., :, None] - place[..., None, :]) ** 2
    observed = (met * distance).sum(axis=(-2, -1))
    expected = (counts[..., :, None] * counts[..., None, :] * distance).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (total - 1) * observed / expected, np.nan))


def moments(ratings: Floats) -> Floats:
    """What Pearson's r of every two raters needs, ``[U, pairs * 6]``: n, x, y, xx, yy, xy of what both rated."""
    found = []
    for first, second in combinations(range(len(ratings)), 2):
        x, y = ratings[first], ratings[second]
        both = ~np.isnan(x) & ~np.isnan(y)
        x, y = np.where(both, x, 0.0), np.where(both, y, 0.0)
        found += [both.astype(float), x, y, x * x, y * y, x * y]
    return np.stack(found, axis=-1) if found else np.empty((ratings.shape[1], 0))


def correlations(sums: Floats) -> Floats:
    """Pearson's r of every two raters, ``[..., pairs]``; NaN for a pair of which one gave one and the same rating.

    Args:
        sums: ``[..., pairs * 6]``, from `moments`.
    """
    n, x, y, xx, yy, xy = np.moveaxis(sums.reshape(*sums.shape[:-1], -1, 6), -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y  # whole numbers, so exactly 0 for equal ratings
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((n * xy - x * y) / np.sqrt(spread_x * spread_y))


def pearson(sums: Floats) -> Floats:
    """Mean pairwise Pearson correlation, over the pairs of raters that have one; NaN if none has.

    Args:
        sums: ``[..., pairs * 6]``, from `moments`.
    """
    each = correlations(sums)
    there = ~np.isnan(each)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(there, each, 0.0).sum(axis=-1) / there.sum(axis=-1))


def layout(ratings: Floats) -> Floats:
    """What the ICC need, ``[U, R + 3]``: units, ratings by rater, squared ratings, squared sum over raters.

    Only units that every rater has rated count; the others' rows are 0.
    """
    complete = ~np.isnan(ratings).any(axis=0)
    own = np.where(complete, ratings, 0.0)
    squares, rows = (own**2).sum(axis=0), own.sum(axis=0) ** 2
    return np.stack([complete.astype(float), *own, squares, rows], axis=-1)


def icc(sums: Floats) -> Floats:
    """The six intraclass correlations of McGraw and Wong, ``[..., 6]`` in the order of `ICC`.

    One rater's (1) or their mean's (k); raters drawn for each unit (1), the same raters with their means counted as
    disagreement (A), or not counted (C). NaN if nothing varies.

    Args:
        sums: ``[..., R + 3]``, from `layout`.
    """
    n, raters, squares, rows = sums[..., 0], sums[..., 1:-2], sums[..., -2], sums[..., -1]
    k = raters.shape[-1]
    whole = raters.sum(axis=-1) ** 2
    # Differences of whole numbers, so exactly 0 if nothing varies: a rounding error would be divided by another one.
    of_units, of_raters = n * rows - whole, k * (raters**2).sum(axis=-1) - whole
    with np.errstate(divide="ignore", invalid="ignore"):
        between = of_units / (n * k * (n - 1))
        within = (k * squares - rows) / (n * k * (k - 1))
        error = (n * (k * squares - rows) - of_raters) / (n * k * (n - 1) * (k - 1))
        of_raters = of_raters / (n * k * (k - 1))
        one = (
            (between - within) / (between + (k - 1) * within),
            (between - error) / (between + (k - 1) * error + k * (of_raters - error) / n),
            (between - error) / (between + (k - 1) * error),
        )
        many = (
            (between - within) / between,
            (between - error) / (between + (of_raters - error) / n),
            (between - error) / between,
        )
        found = np.stack([*one, *many], axis=-1)
    return np.asarray(np.where(np.isfinite(found), found, np.nan))


def by_story(units: Floats, stories: Sequence[int]) -> Floats:
    """Sums over units, ``[U, K]``, as sums over stories, ``[S, K]``, in the stories' order.

    Args:
        units: ``[U, K]``.
        stories: the number of each unit's story.
    """
    out = np.zeros((max(stories) + 1, units.shape[-1]))
    np.add.at(out, np.asarray(stories), units)
    return out
