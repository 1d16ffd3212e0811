"""EMScore (Shi et al. 2022): a text against frames, or another text, in CLIP's space (docs/method.md#emscore).

Coarse: the sentence against the mean frame. Fine: words matched greedily with frames. Both variants embed each word
as a sentence of its own, as the released evaluation does.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vn.errors import InputError
from vn.metrics.vectors import normalised

Variant = Literal["paper", "released"]
Vectors = NDArray[np.floating]

RELEASED_FRAMES = 10  # at most, evenly spread
RELEASED_SHORTEST = 4  # characters; a shorter narration is skipped
RELEASED_LONGEST = 77  # characters of a reference


def emscore(sentence: Vectors, words: Vectors, frames: Vectors, variant: Variant = "paper") -> float:
    """EMScore of a narration and the frames of its clip.

    Args:
        sentence: `[D]`, the narration; unit vectors here and below.
        words: `[W, D]`, its content words, at least one.
        frames: `[F, D]`, the frames of its clip, at least one.
        variant: ``paper`` takes the mean over words for precision, as EMScore is defined; ``released`` the sum.

    >>> x = np.eye(3)
    >>> round(emscore(x[0], x[:2], x[:2]), 4)  # every word has its frame: (cos 45 degrees + 1) / 2
    0.8536
    """
    mean = normalised(np.asarray(frames, dtype=np.float64).mean(axis=0))
    return (_cosine(sentence, mean) + fine(words, frames, variant)) / 2


def emscore_text(
    sentence: Vectors, words: Vectors, reference: Vectors, reference_words: Vectors, variant: Variant = "paper"
) -> float:
    """EMScore of a narration and its reference: sentence against sentence, words against words."""
    return (_cosine(sentence, reference) + fine(words, reference_words, variant)) / 2


def fine(words: Vectors, others: Vectors, variant: Variant = "paper") -> float:
    """F of greedy matching: precision over words, recall over frames (or the reference's words); 0 if both are 0."""
    if variant not in ("paper", "released"):
        raise InputError(f"EMScore is 'paper' or 'released', not {variant!r}")
    cosines = np.asarray(words, dtype=np.float64) @ np.asarray(others, dtype=np.float64).T
    best = cosines.max(axis=1)
    precision = best.sum() if variant == "released" else best.mean()
    recall = cosines.max(axis=0).mean()
    total = precision + recall
    return float(2 * precision * recall / total) if abs(total) > 1e-12 else 0.0


def evenly(count: int, most: int = RELEASED_FRAMES) -> NDArray[np.int64]:
    """Indices of at most `most` of `count` frames, evenly spread, including both ends.

    >>> evenly(4, 3).tolist(), evenly(2, 3).tolist()
    ([0, 1, 3], [0, 1])
    """
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def _cosine(a: Vectors, b: Vectors) -> float:
    return float(np.asarray(a, dtype=np.float64) @ np.asarray(b, dtype=np.float64))
