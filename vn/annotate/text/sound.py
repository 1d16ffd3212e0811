"""How texts sound, as letters: two that a recogniser takes for each other are near."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from rapidfuzz.distance import Levenshtein

from vn.annotate.text.spelling import SOUNDS, is_chinese
from vn.extras import is_here
from vn.story import Language

NEAR = 0.5  # share of letters that may differ: "fifteen" is near "fifty", "two" is not near "seven"


@functools.cache
def has_pinyin() -> bool:
    """Whether pypinyin is installed, so that Chinese characters that sound alike are near."""
    return is_here("pypinyin")


def sounds_by() -> str:
    """What texts are compared by, for keys of results that depend on it."""
    if not has_pinyin():
        return "by character"
    import pypinyin

    return f"by pinyin {pypinyin.__version__}"


def letters(units: Sequence[str], language: Language) -> str:
    """Units (`vn.annotate.text.spelling.units`) as letters that sound like them.

    In Chinese that is pinyin without tones; without pypinyin, characters themselves.
    """
    if language == "en":
        return "".join(units).replace("'", "")
    return "".join(map(_syllable, units))


def numeral_letters(units: Sequence[str], language: Language) -> str:
    """The same for numbers, which sound without pypinyin too."""
    return (
        letters(units, language) if language == "en" else "".join(SOUNDS.get(each, _syllable(each)) for each in units)
    )


def distance(a: str, b: str) -> float:
    """The share of letters that differ, 0 to 1, by edit distance."""
    return float(Levenshtein.normalized_distance(a, b))


@functools.cache
def _syllable(character: str) -> str:
    if not is_chinese(character) or not has_pinyin():
        return character
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(character)[0])
