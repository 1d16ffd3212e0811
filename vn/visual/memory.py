"""Memory consolidation: all frames of the earlier clips become a memory of fixed length.

See docs/method.md#memory-consolidation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vn.visual.similarity import AdjacentPairs, Frame, Frames


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
    video = Frames(means)
    return consolidate_frames(video, video.all, length)


def consolidate_frames(video: Frames, frames: Sequence[Frame], length: int) -> np.ndarray:
    """`consolidate`, of some frames of a video."""
    if length < 1:
        raise ValueError(f"a memory has at least one frame, got length {length}")
    count = len(frames)
    pairs = AdjacentPairs(video, frames)
    merges: list[tuple[int, int]] = []
    while pairs.count > length and (best := pairs.most_similar()) is not None:
        _, left, right = best
        merges.append((left, right))
        pairs.remove_after(left, video.average(pairs.frames[left], pairs.frames[right]))
    halved = [0] * count  # how often the weight of each frame was halved: from the last merge back to the first
    for left, right in reversed(merges):
        halved[left] = halved[right] = halved[left] + 1
    remaining = np.array(pairs.remaining(), dtype=np.int64)
    rows = np.zeros((len(remaining), count), dtype=np.float32)
    index = np.arange(count)
    rows[np.searchsorted(remaining, index, side="right") - 1, index] = np.ldexp(1.0, np.negative(halved))
    return rows
