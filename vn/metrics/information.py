"""InfoSim and InfoDiverse: how close narrations are to the product's information, and how much of it they cover.

Pure functions on unit vectors; docs/method.md#infosim has the definitions, docs/method.md#released-evaluation the
released computation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.floating]

COVERED = 0.9  # a point is covered if a unit's cosine is higher
RELEASED_LONGEST = 77  # characters of a sentence


def info_sim(sentence: Vectors, words: Vectors, points: Vectors) -> float:
    """The best cosine of a sentence, and the mean best of its words, over the points; the mean of the two.

    Args:
        sentence: `[D]`, unit vectors here and below.
        words: `[W, D]`, at least one. The variants differ in what words and points are.
        points: `[K, D]`, at least one.

    >>> x = np.eye(3)
    >>> info_sim(x[0], x[:2], x[:1])
    0.75
    """
    points = np.asarray(points, dtype=np.float64)
    of_sentence = (points @ np.asarray(sentence, dtype=np.float64)).max()
    of_words = (np.asarray(words, dtype=np.float64) @ points.T).max(axis=1).mean()
    return float((of_sentence + of_words) / 2)


def points_told(units: Vectors, points: Vectors) -> int:
    """How many points have a cosine above 0.9 with a unit, a sentence or one of its words (the definition).

    Args:
        units: `[U, D]`; U may be 0.
        points: `[K, D]`.
    """
    if not len(units) or not len(points):
        return 0
    return int((_cosines(units, points).max(axis=0) > COVERED).sum())


def points_told_released(units: Vectors, points: Vectors) -> int:
    """The released count: each point takes its best unit, in point order, and no unit counts for two points.

    >>> x = np.eye(2)
    >>> points_told(x[:1], x[[0, 0]]), points_told_released(x[:1], x[[0, 0]])
    (2, 1)
    """
    if not len(units) or not len(points):
        return 0
    cosines = _cosines(units, points)
    told: set[int] = set()
    for k, unit in enumerate(cosines.argmax(axis=0)):
        if cosines[unit, k] > COVERED:
            told.add(int(unit))
    return len(told)


def _cosines(units: Vectors, points: Vectors) -> NDArray[np.float64]:
    return np.asarray(units, dtype=np.float64) @ np.asarray(points, dtype=np.float64).T
