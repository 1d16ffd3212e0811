"""Similarities of adjacent frames, shared by compression and memory consolidation."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_KEPT = 1 << 26  # bytes of averages that are kept for the next clips of a video


class Frame:
    """The token mean of a frame, or an average of such.

    Attributes:
        vector: ``[D]`` float64.
        norm: its length.
    """

    __slots__ = ("norm", "vector")

    def __init__(self, vector: NDArray[np.float64], norm: float) -> None:
        self.vector = vector
        self.norm = norm


class Frames:
    """The frames of a video; each similarity and each average of two is computed once.

    The clips of a video repeat most of them, since the memory of a clip is made of the same frames as that of the clip
    before, and some more. A similarity is the cosine in double precision, 0 if either frame is zero. Products are
    BLAS's dot of two vectors, one by one or stacked, which gives the same bits. A matrix product would not, and a bit
    decides between two pairs that are equally similar, and at the threshold.

    Args:
        means: token means ``[F, D]``.
    """

    def __init__(self, means: np.ndarray) -> None:
        means = np.ascontiguousarray(means, dtype=np.float64)
        norms = map(math.sqrt, _dots(means, means))
        self.all = [Frame(vector, norm) for vector, norm in zip(means, norms, strict=True)]
        self._similarities: dict[tuple[Frame, Frame], float] = {}
        self._averages: dict[tuple[Frame, Frame], Frame] = {}
        self._most = MOST_KEPT // max(1, means.nbytes // max(1, len(means)))
        for left, right, dot in zip(self.all, self.all[1:], _dots(means[:-1], means[1:]), strict=False):
            self._similarities[left, right] = _cosine(dot, left, right)

    def similarity(self, left: Frame, right: Frame) -> float:
        """The cosine of two frames."""
        known = self._similarities.get((left, right))
        if known is None:
            known = _cosine(float(left.vector.dot(right.vector)), left, right)
            if len(self._similarities) < 2 * self._most + len(self.all):
                self._similarities[left, right] = known
        return known

    def average(self, left: Frame, right: Frame) -> Frame:
        """The unweighted average of two frames."""
        known = self._averages.get((left, right))
        if known is None:
            vector = (left.vector + right.vector) / 2
            known = Frame(vector, math.sqrt(vector.dot(vector)))
            if len(self._averages) < self._most:
                self._averages[left, right] = known
        return known


def _dots(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[float]:
    """The dot product of each row of `a` with that of `b`."""
    dots: list[float] = np.matmul(a[:, None, :], b[:, :, None]).ravel().tolist()
    return dots


def _cosine(dot: float, left: Frame, right: Frame) -> float:
    norm = left.norm * right.norm
    return dot / norm if norm > 0 else 0.0


class AdjacentPairs:
    """A shrinking sequence of frames that tracks its most similar adjacent pair (ties: the earliest).

    A linked list with a heap: removing or changing a frame takes comparisons with its two neighbours only, so that
    reducing F frames costs O(F log F) comparisons of heap entries and at most 3 F similarities, not O(F^2).

    Args:
        video: the frames' video.
        frames: the sequence.
    """

    def __init__(self, video: Frames, frames: Sequence[Frame]) -> None:
        self.video = video
        self.frames = list(frames)
        self.count = count = len(frames)
        self._before = list(range(-1, count - 1))
        self._after = list(range(1, count + 1))  # `count` behind the last one
        self._version = [0] * count  # one per pair, by its left frame; a heap entry with another is stale
        similarity = video.similarity
        self._heap = [(-similarity(frames[i], frames[i + 1]), i, 0) for i in range(count - 1)]
        heapq.heapify(self._heap)

    def most_similar(self) -> tuple[float, int, int] | None:
        """(similarity, left, right) of the best pair, indices into the original sequence; None if no pair is left."""
        heap = self._heap
        while heap:
            negative, left, version = heap[0]
            if version == self._version[left]:
                return -negative, left, self._after[left]
            heapq.heappop(heap)
        return None

    def remove_after(self, left: int, replacement: Frame | None = None) -> None:
        """Remove the frame after `left`, and put another one in the place of `left` if there is one."""
        right = self._after[left]
        self._version[right] = -1
        self.count -= 1
        after = self._after[left] = self._after[right]
        if replacement is not None:
            self.frames[left] = replacement
            if self._before[left] >= 0:
                self._push(self._before[left], left)
        if after < len(self.frames):
            self._before[after] = left
            self._push(left, after)
        else:
            self._version[left] += 1  # no pair begins with the last frame

    def _push(self, left: int, right: int) -> None:
        self._version[left] += 1
        similarity = self.video.similarity(self.frames[left], self.frames[right])
        heapq.heappush(self._heap, (-similarity, left, self._version[left]))

    def remaining(self) -> list[int]:
        """The frames still there, in order."""
        return [i for i, version in enumerate(self._version) if version >= 0]
