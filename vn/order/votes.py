"""From the probability that one clip is before another, for every pair, to the order that is right in most pairs.

Kendall's tau counts pairs, so the order with the highest expected tau is the one whose pairs have the most probability
together (the Kemeny order of these votes), which is in general not the single most probable order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Order = tuple[int, ...]
Votes = NDArray[np.float64]
EXACT = 12  # clips; up to here all orders are compared, by the sets of clips that they begin with


def settled(votes: Votes) -> Order:
    """The order whose pairs have the most votes.

    Args:
        votes: ``[n, n]``; ``votes[i, k]`` is the probability that clip i is before clip k.

    Returns:
        The clips in order: the best one for up to 12 clips; for more, the best that moving single clips leads to.

    Example:
        >>> settled(np.array([[0, 0.9, 0.4], [0.1, 0, 0.8], [0.6, 0.2, 0]]))
        (0, 1, 2)
    """
    return _exact(votes) if len(votes) <= EXACT else _by_moves(votes)


def expected_tau(votes: Votes, order: Order) -> float:
    """The expected tau of an order of two clips or more, if the votes are right."""
    return float(_votes_of(votes, order)) * 4 / (len(order) * (len(order) - 1)) - 1


def _votes_of(votes: Votes, order: Order) -> Any:
    arranged = votes[np.ix_(order, order)]
    return np.triu(arranged, k=1).sum()


def _exact(votes: Votes) -> Order:
    """By dynamic programming over the sets of clips that an order begins with (Held and Karp 1962)."""
    count = len(votes)
    every = (1 << count) - 1
    best = np.full(1 << count, -np.inf)
    best[0] = 0.0
    last = [0] * (1 << count)
    inside = [[bool(chosen >> k & 1) for k in range(count)] for chosen in range(1 << count)]
    for chosen in range(every):
        outside = ~np.array(inside[chosen])
        gains = votes[:, outside].sum(axis=1) - votes.diagonal()
        for clip in np.flatnonzero(outside).tolist():
            after = chosen | 1 << clip
            if best[chosen] + gains[clip] > best[after]:
                best[after], last[after] = best[chosen] + gains[clip], clip
    order: list[int] = []
    while every:
        order.append(last[every])
        every &= ~(1 << last[every])
    return tuple(reversed(order))


def _by_moves(votes: Votes) -> Order:
    """From the order by mean votes, move single clips elsewhere while that adds votes."""
    order = sorted(range(len(votes)), key=lambda clip: (-votes[clip].sum(), clip))
    moved = True
    while moved:
        moved = False
        for clip in range(len(votes)):
            rest = [each for each in order if each != clip]
            # votes with the clips before and after it, at each place
            before = np.concatenate([[0.0], np.cumsum(votes[rest, clip])])
            after = np.concatenate([np.cumsum(votes[clip, rest][::-1])[::-1], [0.0]])
            gains = before + after
            place, here = int(gains.argmax()), order.index(clip)
            if gains[place] > gains[here] + 1e-9:
                order, moved = [*rest[:place], clip, *rest[place:]], True
    return tuple(order)
