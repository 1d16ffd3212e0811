"""Visual compression: drop near-duplicate frames of the clip being narrated (docs/method.md#visual-compression)."""

from __future__ import annotations

import numpy as np

from vn.visual.similarity import AdjacentPairs


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
