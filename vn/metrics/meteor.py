"""METEOR 1.5 (Denkowski and Lavie 2014) of a corpus: matched words and how scattered they are.

See docs/method.md#meteor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vn.errors import InputError
from vn.metrics.alignment import align
from vn.metrics.meteor_jar import WORD_WEIGHTS, jar_statistics
from vn.metrics.ngrams import Tokens, check_segments

Matcher = Literal["exact", "jar"]

ALPHA, BETA, GAMMA = 0.85, 0.2, 0.6
CONTENT, FUNCTION = WORD_WEIGHTS

# METEOR counts a word that makes up more than a thousandth of English text as a function word, worth less than
# others. These are the closed classes of such words, in the forms of the `ptb` tokenisation.
_FUNCTION_WORDS = """
    a an the this that these those all some any no not n't
    i me my we us our you your he him his she her it its they them their who which what
    of to in for on with at by from as into over about after up out than when where if so
    and or but be is are was were been has have had will would can could do does did
    's 're 've 'll 'd 'm there also more most one two other new very just now then here
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


def meteor_statistics(
    hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]], matcher: Matcher = "exact"
) -> NDArray[np.float64]:
    """Sums that add up over segments, against the reference that scores best.

    Returns:
        `[N, 6]`: weighted words of hypothesis and reference, weighted matches of both, matched words (the mean of
        the sides), chunks. A segment that equals its reference has 0 chunks, as in METEOR.
    """
    check_segments(hypotheses, references)
    pairs = [(h, r) for h, choices in zip(hypotheses, references, strict=True) for r in choices]
    if matcher == "exact":
        rows = np.array([_exact_statistics(h, r) for h, r in pairs])
    elif matcher == "jar":
        rows = jar_statistics([h for h, _ in pairs], [r for _, r in pairs])
    else:
        raise InputError(f"METEOR's matcher is 'exact' or 'jar', not {matcher!r}")
    scores = meteor_of(rows)
    best, start = [], 0
    for choices in references:
        best.append(start + int(scores[start : start + len(choices)].argmax()))
        start += len(choices)
    return rows[best]


def meteor_of(statistics: NDArray[np.float64]) -> NDArray[np.float64]:
    """METEOR `[...]` of summed `meteor_statistics` `[..., 6]`; 0 if nothing matches."""
    words, reference_words, matches, reference_matches, matched, chunks = np.moveaxis(statistics, -1, 0)
    some = (matches > 0) & (reference_matches > 0)
    precision = np.divide(matches, words, where=some, out=np.ones_like(matches))
    recall = np.divide(reference_matches, reference_words, where=some, out=np.ones_like(matches))
    mean = 1 / (ALPHA / recall + (1 - ALPHA) / precision)
    scatter = np.divide(chunks, matched, where=some, out=np.zeros_like(matches))
    return np.where(some, mean * (1 - GAMMA * scatter**BETA), 0.0)


def meteor(hypotheses: Sequence[Tokens], references: Sequence[Sequence[Tokens]], matcher: Matcher = "exact") -> float:
    """METEOR of the whole corpus, 0 to 1: of the summed statistics, not the mean of segments.

    Args:
        hypotheses: tokens of each segment; may be empty.
        references: for each segment one token list or more; the best-scoring one counts.
        matcher: ``exact`` pairs equal words (right for ids, where stems and synonyms mean nothing); ``jar`` runs
            METEOR's own Java program on the tokens joined by spaces, which adds English stems, synonyms and
            paraphrases and cuts the text into words again. On ids of four digits and more both agree to 0.002; of
            shorter numbers the program's paraphrases pair some that differ.

    Raises:
        InputError: no segments, or hypotheses and references that do not pair up; with ``jar``, no Java or no
            pycocoevalcap.

    >>> cups = "71 102 9 85 33 6".split()
    >>> round(meteor(["71 102 85 9".split(), []], [[cups], [cups]]), 4)
    0.1606
    >>> meteor([cups], [[cups]])
    1.0
    """
    statistics = meteor_statistics(hypotheses, references, matcher)
    return float(meteor_of(statistics.sum(axis=0)))


def _exact_statistics(hypothesis: Tokens, reference: Tokens) -> list[float]:
    matched, chunks = align(hypothesis, reference)
    weight = _weight(matched)
    equal = chunks == 1 and len(matched) == len(hypothesis) == len(reference)
    return [_weight(hypothesis), _weight(reference), weight, weight, len(matched), 0 if equal else chunks]


def _weight(words: Iterable[str]) -> float:
    return sum(FUNCTION if word in FUNCTION_WORDS else CONTENT for word in words)
