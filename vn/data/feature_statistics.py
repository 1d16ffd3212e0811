"""Mean and standard deviation of frame features, from sums that add up over videos and shards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROWS = 4096  # tokens summed at once: an hour of video in float64 would take half a gigabyte
STD_FLOOR = 1e-6


@dataclass(slots=True)
class Sums:
    """Sums over tokens, from which the mean and standard deviation of any group of shards follow.

    Attributes:
        count: number of tokens.
        sum: sum of the tokens, ``[D]`` float64.
        squares: sum of their squares, ``[D]`` float64.
    """

    count: int
    sum: np.ndarray
    squares: np.ndarray

    @classmethod
    def zero(cls, width: int) -> Sums:
        """Sums over no tokens."""
        return cls(0, np.zeros(width), np.zeros(width))

    def add(self, features: np.ndarray) -> None:
        """Add the tokens of a video, ``[F, T, D]``."""
        tokens = features.reshape(-1, features.shape[-1])
        total, squares = np.zeros_like(self.sum), np.zeros_like(self.squares)
        for start in range(0, len(tokens), ROWS):
            part = tokens[start : start + ROWS].astype(np.float64)
            # Added token by token, so that the sums are bit-identical whatever ROWS is.
            total = np.add.reduce(np.concatenate([total[None], part]), axis=0)
            squares = np.add.reduce(np.concatenate([squares[None], part * part]), axis=0)
        self.count += len(tokens)
        self.sum += total
        self.squares += squares

    def __iadd__(self, other: Sums) -> Sums:
        self.count += other.count
        self.sum = self.sum + other.sum
        self.squares = self.squares + other.squares
        return self


def statistics(sums: Sums) -> dict[str, np.ndarray]:
    """Mean and standard deviation of the features.

    A dimension that hardly varies in the train split (a hue in no train video) would blow up the values of other
    videos, so standard deviations are at least a twentieth of the median one.

    Returns:
        ``mean`` and ``std``, ``[D]`` each.
    """
    mean = sums.sum / sums.count
    std = np.sqrt(np.maximum(0.0, sums.squares / sums.count - mean**2))
    return {"mean": mean, "std": np.maximum(std, max(STD_FLOOR, 0.05 * float(np.median(std))))}
