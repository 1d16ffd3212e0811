"""CIDEr-D (Vedantam et al. 2015): cosine of tf-idf n-grams, clipped and with a length penalty (spec "Metrics")."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vn.metrics.ngrams import Tokens, check_segments, ngrams

ORDERS = 4
SIGMA = 6.0  # of the Gaussian penalty on the difference in length
SCALE = 10.0

Weights = dict[tuple[str, ...], float]


def cider_segments(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> NDArray[np.float64]:
    """CIDEr-D of each segment `[N]`; document frequencies come from all the references given."""
    check_segments(hypotheses, references)
    frequency = Counter(gram for choices in references for gram in set().union(*map(_grams, choices)))
    documents = math.log(len(references))

    def weigh(tokens: Tokens) -> list[tuple[Weights, float]]:
        weighed = []
        for n in range(1, ORDERS + 1):
            # An n-gram that no reference has counts as standing in one.
            weights = {
                gram: count * (documents - math.log(max(1, frequency[gram])))
                for gram, count in ngrams(tokens, n).items()
            }
            weighed.append((weights, math.sqrt(sum(w * w for w in weights.values()))))
        return weighed

    scores = []
    for hypothesis, choices in zip(hypotheses, references, strict=True):
        written = weigh(hypothesis)
        total = 0.0
        for reference in choices:
            similarity = sum(_clipped_cosine(h, r) for h, r in zip(written, weigh(reference), strict=True))
            # Lengths are in bigrams, as in the released scorer: one token less, but never below 0.
            delta = max(0, len(hypothesis) - 1) - max(0, len(reference) - 1)
            total += similarity * math.exp(-(delta**2) / (2 * SIGMA**2))
        scores.append(SCALE * total / ORDERS / len(choices))
    return np.array(scores)


def cider(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> float:
    """CIDEr-D of a corpus, 0 to 10: the mean over segments.

    The document frequencies are those of the references given, so the score of a part is not that of the part
    within a whole, and one segment alone always gets 0.

    Args:
        hypotheses: tokens a segment; may be empty.
        references: for each segment one token list or more.

    Raises:
        InputError: no segments, or hypotheses and references that do not pair up.

    >>> cups, pens = "a red cup on a table".split(), "two blue pens in a box".split()
    >>> round(cider([cups, pens], [[cups], [pens]]), 6)
    10.0
    >>> cider([[], cups[:3]], [[pens], [cups]]) < 3
    True
    """
    return float(cider_segments(hypotheses, references).mean())


def _grams(tokens: Tokens) -> set[tuple[str, ...]]:
    return {gram for n in range(1, ORDERS + 1) for gram in ngrams(tokens, n)}


def _clipped_cosine(hypothesis: tuple[Weights, float], reference: tuple[Weights, float]) -> float:
    (written, norm), (wanted, reference_norm) = hypothesis, reference
    if not norm or not reference_norm:
        return 0.0
    product = sum(min(weight, wanted[gram]) * wanted[gram] for gram, weight in written.items() if gram in wanted)
    return product / (norm * reference_norm)
