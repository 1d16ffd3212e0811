"""Adjacent-pair similarity, shared by compression and memory consolidation."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def cosine(a: Vector, b: Vector) -> float:
    """Cosine similarity of two vectors in double precision; 0 if either is zero."""
    norm = float(np.sqrt(a @ a) * np.sqrt(b @ b))
    return float(a @ b) / norm if norm > 0 else 0.0


class AdjacentPairs:
    """A shrinking sequence that tracks its most similar adjacent pair (ties: the earliest).

    A linked list with a heap: removing or changing an item takes comparisons with its two neighbours only, so that
    reducing F items costs O(F log F) comparisons of heap entries and at most 3 F similarities, not O(F^2).

    Args:
        vectors: ``[F, D]``, one per item.
    """

    def __init__(self, vectors: Vector) -> None:
        self.vectors = vectors
        count = len(vectors)
        self.before = list(range(-1, count - 1))
        self.after = [*range(1, count), -1] if count else []
        self.version = [0] * count  # a heap entry is stale if an item of its pair has changed since
        self.alive = [True] * count
        self.count = count
        self.heap: list[tuple[float, int, int, int, int]] = []
        for i in range(count - 1):
            self._push(i)

    def _push(self, left: int) -> None:
        right = self.after[left]
        similarity = cosine(self.vectors[left], self.vectors[right])
        heapq.heappush(self.heap, (-similarity, left, right, self.version[left], self.version[right]))

    def most_similar(self) -> tuple[float, int, int] | None:
        """(similarity, left, right) of the best pair, indices into the original sequence; None if no pair is left."""
        while self.heap:
            negative, left, right, left_version, right_version = self.heap[0]
            fresh = self.version[left] == left_version and self.version[right] == right_version
            if fresh and self.alive[left] and self.alive[right]:
                return -negative, left, right
            heapq.heappop(self.heap)
        return None

    def remove_after(self, left: int, replacement: Vector | None = None) -> None:
        """Remove the item after `left`, and give `left` a new vector if there is one."""
        right = self.after[left]
        self.alive[right] = False
        self.count -= 1
        self.after[left] = self.after[right]
        if self.after[left] >= 0:
            self.before[self.after[left]] = left
        if replacement is not None:
            self.vectors[left] = replacement
            self.version[left] += 1
            if self.before[left] >= 0:
                self._push(self.before[left])
        if self.after[left] >= 0:
            self._push(left)

    def remaining(self) -> list[int]:
        """The items still there, in order."""
        return [i for i, alive in enumerate(self.alive) if alive]
