"""Plans as they were made before the clips of a video shared work: every clip alone, every similarity from its vectors.

The reference that `vn.visual.plan.VisualPlans` must equal to the last bit.
"""

from __future__ import annotations

import heapq

import numpy as np

from vn.visual.plan import VisualPlan, clip_frames, video_frames


def cosine(a: np.ndarray, b: np.ndarray) -> float:
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

    def __init__(self, vectors: np.ndarray) -> None:
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

    def remove_after(self, left: int, replacement: np.ndarray | None = None) -> None:
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


def compress(means: np.ndarray, threshold: float | None) -> list[int]:
    """Which frames of a clip to keep.

    While an adjacent pair has a similarity of `threshold` or more, the later frame of the most similar pair is
    removed and the kept frame compared with its new neighbour; ties go to the earliest pair (the released algorithm).

    Args:
        means: token means ``[F, D]`` of the frames, whose cosine is the similarity.
        threshold: tau; None keeps every frame (the paper's ablation d).

    Returns:
        The indices of the kept frames, ascending; at least one if there was one.
    """
    if threshold is None:
        return list(range(len(means)))
    pairs = AdjacentPairs(means.astype(np.float64))
    while (best := pairs.most_similar()) is not None and best[0] >= threshold:
        pairs.remove_after(best[1])
    return pairs.remaining()


def consolidate(means: np.ndarray, length: int) -> np.ndarray:
    """Merge the most similar adjacent frames until `length` are left, as weights: ``memory = weights @ frames``.

    Each merge replaces a pair by its unweighted average, however many frames each has absorbed (the paper's
    footnote 4); similarity is the cosine of token means; ties go to the earliest pair. Both the token mean and the
    average are linear, so the token means alone decide which frames merge.

    Args:
        means: token means ``[F, D]``.
        length: frames to keep, at least 1.

    Returns:
        ``[min(F, length), F]`` float32; each row is a convex combination of consecutive frames.
    """
    if length < 1:
        raise ValueError(f"a memory has at least one frame, got length {length}")
    count = len(means)
    pairs = AdjacentPairs(means.astype(np.float64))  # a copy: merged vectors are written into it
    weight = np.ones(count)  # weight of each frame in the merged frame that it is part of
    end = np.arange(1, count + 1)  # a merged frame covers frames [its index, its end)
    while pairs.count > length and (best := pairs.most_similar()) is not None:
        _, left, right = best
        weight[left : end[right]] /= 2
        end[left] = end[right]
        pairs.remove_after(left, (pairs.vectors[left] + pairs.vectors[right]) / 2)
    rows = np.zeros((pairs.count, count), dtype=np.float32)
    for row, left in enumerate(pairs.remaining()):
        rows[row, left : end[left]] = weight[left : end[left]]
    return rows


def plan_alone(means, seconds, story, clip, settings, threshold):
    """Plan the visual tokens of a clip.

    Args:
        means: token means ``[F, D]`` of the video's frames, as the model sees them (standardised if it does).
        seconds: ``[F]``, the time of each frame.
        story: gives the clips' times; un-narrated clips do not enter memory (docs/method.md#memory-consolidation).
        clip: the clip being narrated.
        settings: which parts are on.
        threshold: tau, used if the settings do not set one.
    """
    if settings.scope == "video":
        shown = video_frames(seconds, story.end, settings.frames if settings.scene and len(seconds) else 0)
        weights = np.zeros((len(shown), len(seconds)), dtype=np.float32)
        weights[np.arange(len(shown)), shown] = 1
        return VisualPlan(weights, 0)
    means = means.astype(np.float64)
    here = clip_frames(seconds, story.clips[clip].start, story.clips[clip].end)
    if not settings.scene:
        here = here[:0]
    if settings.compression:
        tau = settings.threshold if settings.threshold is not None else threshold
        here = here[compress(means[here], tau)]
    narrated = story.narrated or range(len(story.clips))  # a raw video: every clip will be narrated
    spans = [clip_frames(seconds, story.clips[i].start, story.clips[i].end) for i in narrated if i < clip]
    before = np.concatenate(spans) if spans else np.empty(0, dtype=int)
    count = len(seconds)
    rows = [np.empty((0, count), dtype=np.float32)]
    if len(before) and settings.memory != "none":
        if settings.memory == "all":
            rows.append(np.eye(count, dtype=np.float32)[before])
        else:
            merged = np.zeros((min(len(before), settings.memory_length), count), dtype=np.float32)
            weights = consolidate(means[before], settings.memory_length)
            np.add.at(merged.T, before, weights.T)  # a frame may belong to two clips that overlap
            rows.append(merged)
    memory = sum(len(r) for r in rows)
    rows.append(np.eye(count, dtype=np.float32)[here])
    return VisualPlan(np.concatenate(rows), memory)
