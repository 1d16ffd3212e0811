"""What training stories say about the order of script labels: where each is, and what follows what."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise, product

import numpy as np

from vn.errors import InputError
from vn.order.search import Found, Score, search
from vn.order.votes import Order, Votes
from vn.story import Labels, ScriptLabel, Story

MIDDLE = 0.5  # the place of a label that no training story has
SMOOTHING = 1.0  # added to the count of each pair of labels
WIDTH = 512  # sets of clips per place in the search by label bigrams: up to 11 clips none is left out


class LabelOrder:
    """The order of labels in stories.

    A clip with several labels counts as each of them: its place is the mean of their places, and the probability of
    what follows is the mean over all pairs.

    Args:
        storylines: the labels of each story's clips, in order.

    Attributes:
        places: label -> its mean place, 0 (first clip) to 1 (last).

    Raises:
        InputError: no story has two clips or more with labels.
    """

    def __init__(self, storylines: Sequence[Sequence[Labels]]) -> None:
        places: dict[ScriptLabel, list[float]] = defaultdict(list)
        self._pairs: dict[tuple[ScriptLabel | None, ScriptLabel | None], float] = defaultdict(float)
        for clips in storylines:
            if len(clips) < 2 or not all(clips):
                continue
            for number, labels in enumerate(clips):
                for label in labels:
                    places[label].append(number / (len(clips) - 1))
            ends: list[tuple[ScriptLabel | None, ...]] = [(None,), *clips, (None,)]
            for one, other in pairwise(ends):
                for pair in product(one, other):
                    self._pairs[pair] += 1 / (len(one) * len(other))
        if not places:
            raise InputError("no training story has two clips or more with labels")
        self.places: Mapping[ScriptLabel, float] = {label: float(np.mean(found)) for label, found in places.items()}
        self._clips = Counter({label: len(found) for label, found in places.items()})
        self._left: dict[ScriptLabel | None, float] = defaultdict(float)
        for (before, _), share in self._pairs.items():
            self._left[before] += share

    def place(self, labels: Labels) -> float:
        """The usual place of a clip with these labels, 0 to 1."""
        return float(np.mean([self.places.get(label, MIDDLE) for label in labels] or [MIDDLE]))

    def follows(self, before: Labels | None, after: Labels | None) -> float:
        """The log probability that a clip follows another, by labels; None is before the first, after the last."""
        shares = [self._share(a, b) for a in before or (None,) for b in after or (None,)]
        return math.log(sum(shares) / len(shares))

    def _share(self, before: ScriptLabel | None, after: ScriptLabel | None) -> float:
        kinds = len(ScriptLabel) + 1  # with the end
        return (self._pairs.get((before, after), 0.0) + SMOOTHING) / (self._left.get(before, 0.0) + SMOOTHING * kinds)

    def alone(self, labels: Labels) -> float:
        """The log probability of a clip's labels, whatever is before them."""
        total = sum(self._clips.values()) + SMOOTHING * len(ScriptLabel)
        return math.log(float(np.mean([(self._clips[label] + SMOOTHING) / total for label in labels])))

    def next(self, labels: Sequence[Labels]) -> Score:
        """The log probabilities of next clips by the clip before.

        Args:
            labels: labels per clip.
        """

        def score(beginnings: Sequence[Order]) -> list[dict[int, float]]:
            found = []
            for order in beginnings:
                left = [clip for clip in range(len(labels)) if clip not in order]
                before = labels[order[-1]] if order else None
                end = len(left) == 1
                found.append(
                    {
                        clip: self.follows(before, labels[clip]) + (self.follows(labels[clip], None) if end else 0.0)
                        for clip in left
                    }
                )
            return found

        return score


def by_places(known: LabelOrder, labels: Sequence[Labels]) -> Votes:
    """Votes by the usual places of labels: the clip whose place is earlier is before the other.

    Args:
        known: the order of labels in training.
        labels: labels per clip; clips of the same place share their votes.
    """
    places = np.array([known.place(each) for each in labels])
    ahead = np.sign(places[None, :] - places[:, None])
    votes: Votes = 0.5 + 0.5 * ahead
    np.fill_diagonal(votes, 0.0)
    return votes


def by_transitions(known: LabelOrder, labels: Sequence[Labels], width: int = WIDTH) -> Found:
    """Search the orders by what label follows what; arguments as of `by_places`."""
    alone = [known.alone(each) for each in labels]

    def rest(order: Order) -> float:
        return sum(alone) - sum(alone[clip] for clip in order)

    return search(len(labels), known.next(labels), rest, width)


def storylines_of(stories: Sequence[Story]) -> list[list[Labels]]:
    """The labels of each story's narrated clips, or of all its clips if none is narrated; empty for a clip without."""
    return [[story.clips[i].labels or () for i in story.narrated or range(len(story.clips))] for story in stories]
