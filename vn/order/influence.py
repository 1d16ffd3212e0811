"""What a narrator's scores of clips say of every order, estimated from the orders that it has read.

A score of a clip after some others has much that depends on no order, and noise; to read every set of clips before it
takes 2^n passes. So two simple things are estimated, and what is between them is left out:

    log P(narration of i | clips before) ~ own(i) + sum over clips k before of  gain(i, k)      ridge regression
    log P(label of i | clips before)     ~ mean of the scores read near its place in the video    kernel regression

A gain is positive if the narration of clip i recalls what clip k has shown, and negative if it says what clip k has
made known. Each is a mean over many texts before, which is why it is surer than any single score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vn.order.votes import Order

NEAR = 0.1  # places whose labels count most, as a share of the video's length: the standard deviation of the kernel
RIDGE = 1.0  # on gains: as much as one more score that shows no gain

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReadClip:
    """A clip that was scored after others.

    Attributes:
        before: the clips before it.
        clip: the clip.
        label: the log probability of its label.
        narration: that of its narration.
    """

    before: Order
    clip: int
    label: float
    narration: float


class Influence:
    """Estimates of a clip's scores after any others.

    Args:
        seconds: ``[n]``, how long the clips are.
        scores: what was read; each clip at least once.
    """

    def __init__(self, seconds: Sequence[float], scores: Sequence[ReadClip]) -> None:
        self._shares: Values = np.asarray(seconds, dtype=np.float64) / sum(seconds)
        count = len(seconds)
        self.own: Values = np.zeros(count)
        self.gains: Values = np.zeros((count, count))
        self._places: list[Values] = []
        self._labels: list[Values] = []
        for clip in range(count):
            read = [each for each in scores if each.clip == clip]
            before = np.stack([self._members(each.before) for each in read])
            self.own[clip], self.gains[clip] = _ridge(before, np.array([each.narration for each in read]))
            self._places.append(before @ self._shares + self._shares[clip] / 2)
            self._labels.append(np.array([each.label for each in read]))

    def narration(self, before: Sequence[int]) -> Values:
        """``[n]``: the log probability of each clip's narration after others; of no meaning for these themselves."""
        found: Values = self.own + self.gains @ self._members(before)
        return found

    def label(self, clip: int, before: Sequence[int]) -> float:
        """The log probability of a clip's label after others."""
        place = self._shares[list(before)].sum() + self._shares[clip] / 2
        far = ((self._places[clip] - place) / NEAR) ** 2 / 2
        weights = np.exp(far.min() - far)  # the nearest counts, however far it is
        return float(weights @ self._labels[clip] / weights.sum())

    def _members(self, clips: Sequence[int]) -> Values:
        found = np.zeros(len(self._shares))
        found[list(clips)] = 1.0
        return found


def _ridge(before: Values, values: Values) -> tuple[float, Values]:
    """Intercept and weights ``[n]`` of values ``[m]`` by what was before ``[m, n]``."""
    middle, mean = before.mean(axis=0), float(values.mean())
    centred = before - middle
    weights = np.linalg.solve(centred.T @ centred + RIDGE * np.eye(before.shape[1]), centred.T @ (values - mean))
    return mean - float(middle @ weights), weights
