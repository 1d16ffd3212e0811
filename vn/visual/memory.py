"""Memory consolidation: all frames of the earlier clips become a memory of fixed length.

See docs/method.md#memory-consolidation.
"""

from __future__ import annotations

import numpy as np

from vn.visual.similarity import AdjacentPairs


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
