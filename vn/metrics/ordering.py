"""How well clips were put into order: Kendall's tau, and what it does not show.

An order is given as the true places of the clips in the order found: ``(0, 1, 2)`` is right, ``(2, 1, 0)`` reversed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Sums = NDArray[np.float64]
COLUMNS = ("tau", "exact", "first", "last", "pairs_right", "pairs", "videos")
ORDERING: dict[str, tuple[str, str]] = {
    # metric -> its numerator and denominator, columns of `ordering_sums`
    "tau": ("tau", "videos"),
    "exact": ("exact", "videos"),
    "first": ("first", "videos"),
    "last": ("last", "videos"),
    "pairs": ("pairs_right", "pairs"),
}


def kendall_tau(found: Sequence[int]) -> float:
    """Kendall's tau of an order without ties: pairs in the right order minus those in the wrong one, over all pairs.

    Args:
        found: the true places of the clips in the order found, two at least.

    Raises:
        ValueError: they are not 0 to n - 1, each once.

    Example:
        >>> kendall_tau((0, 1, 2)), kendall_tau((2, 1, 0)), kendall_tau((1, 0, 2, 3))
        (1.0, -1.0, 0.6666666666666666)
    """
    right, pairs = pairs_right(found)
    return (2 * right - pairs) / pairs


def pairs_right(found: Sequence[int]) -> tuple[int, int]:
    """How many pairs are in the right order, and how many pairs there are; see `kendall_tau`."""
    count = len(found)
    if count < 2 or sorted(found) != list(range(count)):
        raise ValueError(f"an order of two clips or more has each of 0 to n - 1 once, got {list(found)}")
    places = np.asarray(found)
    right = int(np.triu(places[:, None] < places[None, :], k=1).sum())
    return right, count * (count - 1) // 2


def ordering_sums(orders: Sequence[Sequence[int]]) -> Sums:
    """What intervals over videos need (`vn.metrics.bootstrap`).

    Args:
        orders: the two orders per video, as for `kendall_tau`.

    Returns:
        ``[V, 7]``, by `COLUMNS`. Tau is a mean over videos; the share of pairs counts each pair once, so that videos
        of many clips count more.
    """
    rows = []
    for found in orders:
        right, pairs = pairs_right(found)
        ends = found[0] == 0, found[-1] == len(found) - 1
        rows.append([kendall_tau(found), right == pairs, *ends, right, pairs, 1])
    return np.array(rows, dtype=np.float64).reshape(-1, len(COLUMNS))


def finish_of(metric: str) -> Callable[[Sums], Sums]:
    """What makes a metric of sums ``[..., 7]``; see `ORDERING`."""
    top, bottom = (COLUMNS.index(name) for name in ORDERING[metric])
    return lambda sums: sums[..., top] / sums[..., bottom]
