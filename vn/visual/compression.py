"""Visual compression: drop near-duplicate frames of the clip being narrated (spec "Visual path" 2)."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from vn.visual.similarity import AdjacentPairs


def compress(frames: Tensor, threshold: float | None) -> list[int]:
    """Which frames of a clip to keep.

    While an adjacent pair has a similarity of `threshold` or more, the later frame of the most similar pair is
    removed and the kept frame meets its new neighbour; ties go to the earliest pair (the released algorithm).

    Args:
        frames: ``[F, T, D]``, or their token means ``[F, D]``: cosine similarity is that of token means.
        threshold: tau; None keeps every frame (the paper's ablation d).

    Returns:
        The indices of the kept frames, ascending; at least one where there was one.
    """
    means = frames.double().mean(dim=1) if frames.dim() == 3 else frames.double()
    return kept_frames(means.cpu().numpy(), threshold)


def kept_frames(means: np.ndarray, threshold: float | None) -> list[int]:
    """`compress` on the token means ``[F, D]`` as float64."""
    if threshold is None:
        return list(range(len(means)))
    pairs = AdjacentPairs(means)
    while (best := pairs.most_similar()) is not None and best[0] >= threshold:
        pairs.remove_after(best[1])
    return pairs.remaining()
