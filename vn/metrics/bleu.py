"""BLEU-1..4 of a corpus (Papineni et al. 2002), as pycocoevalcap computes it (docs/method.md#bleu)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vn.metrics.ngrams import Tokens, check_segments, ngrams

ORDERS = 4
# pycocoevalcap's smoothing: they avoid 0/0 and change no score that differs from 0.
TINY, SMALL = 1e-15, 1e-9


def bleu_statistics(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> NDArray[np.float64]:
    """Counts that add up over segments.

    Returns:
        `[N, 10]`: for the orders 1 to 4 the n-grams found in a reference (clipped at the largest count in one
        reference), the n-grams written, then the hypothesis's length and that of the closest reference.
    """
    check_segments(hypotheses, references)
    rows = []
    for hypothesis, choices in zip(hypotheses, references, strict=True):
        length = len(hypothesis)
        # The closest length; the shorter of two equally close ones.
        closest = min((abs(len(r) - length), len(r)) for r in choices)[1]
        found = []
        for n in range(1, ORDERS + 1):
            allowed = ngrams(choices[0], n)
            for other in choices[1:]:
                allowed |= ngrams(other, n)
            found.append((ngrams(hypothesis, n) & allowed).total())
        written = [max(0, length - n + 1) for n in range(1, ORDERS + 1)]
        rows.append([*found, *written, length, closest])
    return np.array(rows, dtype=np.float64)


def bleu_of(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """BLEU-1..4 `[..., 4]` of summed `bleu_statistics` `[..., 10]`."""
    found, written = statistics[..., :ORDERS], statistics[..., ORDERS : 2 * ORDERS]
    precision = (found + TINY) / (written + SMALL)
    geometric = np.cumprod(precision, axis=-1) ** (1 / np.arange(1, ORDERS + 1))
    ratio = (statistics[..., -2] + TINY) / (statistics[..., -1] + SMALL)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / ratio), 1.0)
    return geometric * brevity[..., None]


def bleu(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> tuple[float, float, float, float]:
    """BLEU-1 to BLEU-4 of the whole corpus, 0 to 1.

    Args:
        hypotheses: tokens of each segment; may be empty.
        references: for each segment one token list or more; the closest length counts for brevity.

    Raises:
        InputError: no segments, or hypotheses and references that do not pair up.

    >>> [round(x, 4) for x in bleu(["a red cup on a table".split()], [["a red cup on the table".split()]])]
    [0.8333, 0.7071, 0.63, 0.5373]
    >>> bleu([[]], [[["cup"]]])
    (0.0, 0.0, 0.0, 0.0)
    """
    one, two, three, four = bleu_of(bleu_statistics(hypotheses, references).sum(axis=0)).tolist()
    return one, two, three, four
