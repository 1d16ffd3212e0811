"""Visual compression: drop near-duplicate frames of the clip being narrated (docs/method.md#visual-compression)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vn.visual.similarity import AdjacentPairs, Frame, Frames


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
    video = Frames(means)
    return compress_frames(video, video.all, threshold)


def compress_frames(video: Frames, frames: Sequence[Frame], threshold: float | None) -> list[int]:
    """`compress`, of some frames of a video."""
    if threshold is None:
        return list(range(len(frames)))
    pairs = AdjacentPairs(video, frames)
    while (best := pairs.most_similar()) is not None and best[0] >= threshold:
        pairs.remove_after(best[1])
    return pairs.remaining()
