"""Word ranges that a voice bounds from above."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vn.story import Clip, Language, WordRange, WordRangeRule


@dataclass(frozen=True)
class SpokenRange(WordRangeRule):
    """A rule's ranges, bounded by what a voice can say in the clip at its usual speed.

    If the voice is faster than the rule, nothing changes.

    Attributes:
        units_per_second: words, or Chinese characters, that the voice says (`vn.voice.pace`).
    """

    units_per_second: float = math.inf

    def range_of(self, clip: Clip, language: Language) -> WordRange:
        """The range of one clip."""
        words = super().range_of(clip, language)
        sayable = clip.duration * self.units_per_second
        return words if sayable >= words.high else bounded(words, math.floor(sayable + 1e-9))


def bounded(words: WordRange, high: int) -> WordRange:
    """A range that ends at `high`, or as before if that is lower.

    Its low end stays, as long as half the range's width is left to choose an ending from; it is then lowered too.

    Example:
        >>> bounded(WordRange(12, 18), 16), bounded(WordRange(12, 18), 13)
        (WordRange(low=12, high=16), WordRange(low=10, high=13))
    """
    if high >= words.high:
        return words
    high = max(1, high)
    return WordRange(max(1, min(words.low, high - (words.high - words.low) // 2)), high)
