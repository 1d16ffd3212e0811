"""CIDEr-D (Vedantam et al. 2015): cosine of tf-idf n-grams, clipped and with a length penalty.

See docs/method.md#cider.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.metrics.ngrams import Tokens, check_segments

ORDERS = 4
SIGMA = 6.0  # width of the Gaussian penalty on the difference in length
SCALE = 10.0


class _Counts(NamedTuple):
    """N-grams of one order in texts, one row per distinct n-gram of a text, sorted by text and n-gram.

    Attributes:
        text: number of the text.
        gram: number of the n-gram, the same in all texts.
        times: how often it occurs there.
    """

    text: NDArray[np.int64]
    gram: NDArray[np.int64]
    times: NDArray[np.int64]


def cider_segments(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> NDArray[np.float64]:
    """CIDEr-D of each segment `[N]`; document frequencies come from all the references given."""
    check_segments(hypotheses, references)
    segments = len(hypotheses)
    texts = [*hypotheses, *(text for choices in references for text in choices)]
    choices = np.array([len(own) for own in references])
    segment_of = np.repeat(np.arange(segments), choices)  # segment of each reference
    similarity = np.zeros(len(segment_of))
    for text, gram, count in _counted(texts):
        split = np.searchsorted(text, segments)  # the hypotheses' rows come first
        grams = int(gram.max(initial=-1)) + 1
        place = segment_of[text[split:] - segments] * grams + gram[split:]  # (segment, n-gram) of references' rows
        # In how many segments' references an n-gram occurs; one that no reference has counts as occurring in one.
        frequency = np.bincount(np.unique(place) % grams if grams else place, minlength=grams)
        weight = count * (math.log(segments) - np.log(np.maximum(1, frequency)))[gram]
        norm = np.sqrt(np.bincount(text, weight**2, minlength=len(texts)))
        written = text[:split] * grams + gram[:split]
        found = np.searchsorted(written, place)
        hit = found < split
        hit[hit] = written[found[hit]] == place[hit]
        wanted = weight[split:][hit]
        products = np.minimum(weight[found[hit]], wanted) * wanted
        product = np.bincount(text[split:][hit] - segments, products, minlength=len(segment_of))
        norms = norm[segment_of] * norm[segments:]
        similarity += np.divide(product, norms, where=norms > 0, out=np.zeros(len(norms)))
    # Lengths are in bigrams, as in the released scorer: one token less, but never below 0.
    bigrams = np.maximum(0, np.array([len(text) for text in texts]) - 1)
    delta = bigrams[segment_of] - bigrams[segments:]
    similarity *= np.exp(-(delta**2) / (2 * SIGMA**2))
    scores: NDArray[np.float64] = SCALE / ORDERS * np.bincount(segment_of, similarity, minlength=segments) / choices
    return scores


def _counted(texts: Sequence[Tokens]) -> list[_Counts]:
    """The n-grams of orders 1 to 4, counted in all texts at once: sorting is faster here than a table per text."""
    numbers: dict[str, int] = {}
    tokens = np.array([numbers.setdefault(token, len(numbers)) for text in texts for token in text], dtype=np.int64)
    lengths = np.array([len(text) for text in texts])
    text_of = np.repeat(np.arange(len(texts)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(tokens))  # tokens from here to the text's end
    counted = []
    start, gram = np.arange(len(tokens)), tokens
    for order in range(1, ORDERS + 1):
        if order > 1:  # an n-gram is an (n-1)-gram and one more token
            inside = left[start] >= order
            start = start[inside]
            longer = gram[inside] * len(numbers) + tokens[start + order - 1]
            gram = np.unique(longer, return_inverse=True)[1]
        different = int(gram.max(initial=-1)) + 1
        row, count = np.unique(text_of[start] * different + gram, return_counts=True)
        counted.append(_Counts(row // max(1, different), row % max(1, different), count))
    return counted


def cider(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> float:
    """CIDEr-D of a corpus, 0 to 10: the mean over segments.

    The document frequencies are those of the references given, so the score of a part is not that of the part
    within a whole, and one segment alone always gets 0.

    Args:
        hypotheses: tokens of each segment; may be empty.
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
