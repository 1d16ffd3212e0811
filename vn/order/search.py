"""A beam search over orders that keeps what it saw as a lattice, from which pairs of clips get their probabilities.

    nothing -- clip 2 --> {2} -- clip 0 --> {0, 2} -- clip 1 --> {0, 1, 2}
            `- clip 0 --> {0} -- clip 2 -----^

Beginnings that are alike in all that later clips can depend on, such as the set of clips that they have, are one state
(recombination), so that a beam of some states has very many orders in it. States have other clips and so cannot be
compared by their own scores alone: what the clips that are left may score is added (as in A*, without its guarantee).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vn.order.votes import Order, Votes

Score = Callable[[Sequence[Order]], Sequence[Mapping[int, float]]]
"""Called once per step with beginnings; gives for each the log score of every clip that may come next."""


@dataclass(slots=True)
class _State:
    """A beginning, the best of those that are alike.

    Attributes:
        order: the clips.
        best: its score.
        every: the log of the summed probabilities of all beginnings that led here.
        rest: that of all ways to go on from here to the end.
        next: clip -> its log score and the state that it leads to, if that was kept.
    """

    order: Order
    best: float
    every: float
    rest: float = -np.inf
    next: dict[int, tuple[float, _State]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        best: the most probable order.
        votes: ``[n, n]``, how probable it is that one clip is before another (`vn.order.votes.settled`).
        states: number of beginnings whose next clips were scored.
    """

    best: Order
    votes: Votes
    states: int


def search(count: int, score: Score, rest: Callable[[Order], float], width: int) -> Found:
    """Search the orders of clips.

    Beginnings are one state if they have the same clips and the same one last.

    Args:
        count: number of clips.
        score: gives the log scores of next clips; called once for each place, `count` times in all. Beginnings come
            the best first.
        rest: estimates what the clips that are not in a beginning will score.
        width: sets of clips that are kept per place, each with all the clips that may be last in it.
    """
    levels = [[_State((), 0.0, 0.0)]]
    for _ in range(count):
        level = levels[-1]
        found = score([state.order for state in level])
        new: dict[tuple[frozenset[int], int], _State] = {}
        for state, scores in zip(level, found, strict=True):
            for clip, value in scores.items():
                order, best, every = (*state.order, clip), state.best + value, state.every + value
                there = new.setdefault((frozenset(order), clip), _State(order, -np.inf, -np.inf))
                state.next[clip] = value, there
                there.every = float(np.logaddexp(there.every, every))
                if best > there.best:
                    there.order, there.best = order, best
        ranked = sorted(new.items(), key=lambda item: -(item[1].every + rest(item[1].order)))
        kept = set(list(dict.fromkeys(clips for (clips, _), _ in ranked))[:width])
        levels.append([state for (clips, _), state in ranked if clips in kept])
    top = max(levels[-1], key=lambda state: state.best)
    return Found(top.order, _votes(levels, count), sum(map(len, levels[:-1])))


def _votes(levels: Sequence[Sequence[_State]], count: int) -> Votes:
    """The probability of each pair's order, summed over all ways through the states that were kept."""
    for state in levels[-1]:
        state.rest = 0.0
    for level in levels[-2::-1]:
        for state in level:
            state.rest = float(np.logaddexp.reduce([v + after.rest for v, after in state.next.values()] or [-np.inf]))
    total = levels[0][0].rest
    votes = np.zeros((count, count))
    for level in _forward(levels):
        for state in level:
            left = set(range(count)) - set(state.order)
            for clip, (value, after) in state.next.items():
                share = np.exp(state.every + value + after.rest - total)
                votes[clip, [other for other in left if other != clip]] += share
    return votes


def _forward(levels: Sequence[Sequence[_State]]) -> Sequence[Sequence[_State]]:
    """The levels but the last, with the probabilities of what leads to each state over kept states alone."""
    for level in levels[1:]:
        for state in level:
            state.every = -np.inf
    for level in levels[:-1]:
        for state in level:
            for value, after in state.next.values():
                after.every = float(np.logaddexp(after.every, state.every + value))
    return levels[:-1]
