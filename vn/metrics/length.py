"""Word-length accuracy: the share of narrations that fit their range of words (docs/method.md#word-length-accuracy)."""

from __future__ import annotations

from collections.abc import Sequence

from vn.errors import InputError
from vn.story import Language, WordRange, count_words


def fits(narration: str, words: WordRange | None, language: Language) -> bool:
    """Whether a narration's words are in range; an empty one never is, nor one without a range."""
    count = count_words(narration, language)
    return words is not None and count > 0 and count in words


def word_length_accuracy(narrations: Sequence[str], ranges: Sequence[WordRange | None], language: Language) -> float:
    """The share of narrations in range, 0 to 1.

    Args:
        narrations: the texts; an empty one counts as out of range.
        ranges: one per narration, both ends included.
        language: decides what a word is (`vn.story.count_words`).

    Raises:
        InputError: no narrations, or not one range for each.

    >>> word_length_accuracy(["a red cup", "cups", ""], [WordRange(2, 4)] * 3, "en")
    0.3333333333333333
    """
    if not narrations or len(narrations) != len(ranges):
        raise InputError(f"{len(narrations)} narrations, but {len(ranges)} word ranges")
    return sum(fits(n, r, language) for n, r in zip(narrations, ranges, strict=True)) / len(narrations)
