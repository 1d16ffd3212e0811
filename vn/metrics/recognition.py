"""Recognised speech against what was spoken: word and character error rates, the clip of each word, cuts and clips.

Pure functions on texts, units and times. Rates are summed over videos first (`vn.metrics.bootstrap`): edits of all
videos divided by the units of all references, so that a short video counts less than a long one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from vn.story import Language

SLACK = 0.25  # seconds by which a cut may be off
OVERLAP = 0.5  # intersection over union above which two clips are the same one: no clip can have two partners
Span = tuple[float, float]
Unit = tuple[str, int]
"""A word or character, and the number of its clip."""

_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_NUMBER = re.compile(r"[0-9]+")
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_DOLLARS = re.compile(r"\$\s?([0-9]+)(?![0-9]|[.,][0-9])")
_PER_CENT = re.compile(r"(?<=[0-9])\s?%|(?<=[0-9])\s?per cent\b")
_NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)
_ONES, _TENS = _NAMES.split()[:20], _NAMES.split()[20:]
_DIGITS = "零一二三四五六七八九"


def spoken_units(text: str, language: Language) -> list[str]:
    """What error rates count: words in English, characters in Chinese, as they are spoken.

    Lower case, without punctuation; hyphens separate words. Whole numbers are spelled out, below 1,000 in English and
    10,000 in Chinese (greater ones are left as digits), English dollars and per cent as they are read, and the two
    Chinese words for two are one. Chinese text is to be in one script already (OpenCC).

    >>> spoken_units("It’s a well-known cup: $25 off!", "en")
    ["it's", 'a', 'well', 'known', 'cup', 'twenty', 'five', 'dollars', 'off']
    >>> spoken_units("两款，共 105 元。", "zh")
    ['二', '款', '共', '一', '百', '零', '五', '元']
    """
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).lower())
    if language == "zh":
        spelled = _NUMBER.sub(lambda found: _chinese(found[0]), text).replace("两", "二")
        return [character for character in spelled if character.isalnum()]
    text = _PER_CENT.sub(" percent", _DOLLARS.sub(r"\1 dollars", text))
    return [part for word in _WORD.findall(text) for part in (_english(word) if _NUMBER.fullmatch(word) else [word])]


class Compared(NamedTuple):
    """Recognised units against those that were spoken.

    Attributes:
        edits: the fewest substitutions, deletions and insertions that make one of the other.
        matched: the most units that such an alignment leaves as they are.
        wrong: the fewest of these that are in another clip.
    """

    edits: int
    matched: int
    wrong: int


def compare_units(spoken: Sequence[Unit], recognised: Sequence[Unit]) -> Compared:
    """Align the units of a whole video, which costs len(spoken) x len(recognised) steps.

    Args:
        spoken: the truth.
        recognised: what was recognised, each unit with the clip that it was assigned to.

    >>> compare_units([("a", 0), ("red", 0), ("cup", 1)], [("red", 1), ("cups", 1)])
    Compared(edits=2, matched=1, wrong=1)
    """
    # Costs (edits, -matched, wrong) add up along an alignment, so the smallest in this order is found row by row.
    row = [(n, 0, 0) for n in range(len(recognised) + 1)]
    for n, (word, clip) in enumerate(spoken, 1):
        before, row[0] = row[0], (n, 0, 0)
        for m, (other, at) in enumerate(recognised, 1):
            if word == other:
                across = (before[0], before[1] - 1, before[2] + (clip != at))
            else:
                across = (before[0] + 1, before[1], before[2])
            up, left = row[m], row[m - 1]
            before = up
            row[m] = min(across, (up[0] + 1, *up[1:]), (left[0] + 1, *left[1:]))
    edits, unmatched, wrong = row[-1]
    return Compared(edits, -unmatched, wrong)


def matching_times(found: Sequence[float], true: Sequence[float], slack: float = SLACK) -> int:
    """The most pairs of a found and a true time that are at most `slack` apart, each time in one pair.

    Args:
        found: times in seconds, in any order.
        true: the same.
        slack: seconds.

    >>> matching_times([1.0, 1.2, 5.0], [1.1, 4.0])
    1
    """
    found, true = sorted(found), sorted(true)
    pairs = n = m = 0
    while n < len(found) and m < len(true):
        if abs(found[n] - true[m]) <= slack:
            pairs, n, m = pairs + 1, n + 1, m + 1
        elif found[n] < true[m]:
            n += 1
        else:
            m += 1
    return pairs


def clip_pairs(found: Sequence[Span], true: Sequence[Span]) -> dict[int, int]:
    """True clip -> the found one that is the same: their intersection is more than half of their union.

    Args:
        found: start and end of each clip in seconds; none overlaps another.
        true: the same.

    >>> clip_pairs([(0.0, 2.0), (2.0, 9.0)], [(0.0, 2.2), (2.2, 5.0), (5.0, 9.0)])
    {0: 0, 2: 1}
    """
    pairs = {}
    for n, (start, end) in enumerate(true):
        for m, (begin, until) in enumerate(found):
            shared = min(end, until) - max(start, begin)
            if shared > OVERLAP * (max(end, until) - min(start, begin)):
                pairs[n] = m
    return pairs


def clip_of_each(found: Sequence[Span], true: Sequence[Span]) -> list[int]:
    """The true clip that each found one shares most time with; the earlier of two, -1 if it shares none.

    >>> clip_of_each([(0.0, 3.0), (3.0, 9.0), (9.0, 10.0)], [(0.0, 4.0), (4.0, 9.0)])
    [0, 1, -1]
    """
    numbers = []
    for start, end in found:
        shared = [min(end, until) - max(start, begin) for begin, until in true]
        most = max(shared, default=0.0)
        numbers.append(shared.index(most) if most > 0 else -1)
    return numbers


def _english(digits: str) -> list[str]:
    number = int(digits)
    if number > 999:
        return [digits]
    words = [_ONES[number // 100], "hundred"] if number > 99 else []
    rest = number % 100
    if rest >= 20:
        words.append(_TENS[rest // 10 - 2])
        rest %= 10
    return [*words, _ONES[rest]] if rest or not words else words


def _chinese(digits: str) -> str:
    number = int(digits)
    if number > 9999:
        return digits
    spelled, skipped = "", False
    for power, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // power % 10
        if digit:
            spelled += ("零" if skipped else "") + _DIGITS[digit] + name
        skipped = not digit and bool(spelled)
    return spelled.removeprefix("一") if 10 <= number < 20 else spelled or _DIGITS[0]
