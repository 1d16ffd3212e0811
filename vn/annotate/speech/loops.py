"""Repetitions: what Whisper writes when it is stuck, the same phrase again and again.

Advertisements repeat words too, so that short phrases may come more often than long ones before they are marked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vn.annotate.results import Word
from vn.annotate.speech.join import HAN, join
from vn.annotate.speech.spread import pieces

# Units (words, or Chinese characters) of a phrase -> how often in a row it may be; a longer one may be there once.
OFTEN = {1: 3, 2: 3, 3: 2, 4: 2}
OFTEN_CHINESE = {1: 4, 2: 4, 3: 3, 4: 3, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2}
DIGITS = frozenset("0123456789零〇一二三四五六七八九")
OFTEN_DIGITS = {1: 7, 2: 3, 3: 2, 4: 2}  # telephone numbers: 888 8888
LONGEST = 40  # units of a phrase that is looked for


@dataclass(frozen=True, slots=True)
class Loop:
    """A phrase that comes too often in a row.

    Attributes:
        phrase: the phrase.
        times: how often.
        clip: the clip in which it begins.
    """

    phrase: str
    times: int
    clip: int


def loops(words: Sequence[Word]) -> list[Loop]:
    """Phrases that are repeated more often than people do, in order.

    Args:
        words: the words.
    """
    units = [(unit, word.clip) for word in words for unit in _units(word.text)]
    texts = [unit for unit, _ in units]
    found: list[Loop] = []
    at = 0
    while at < len(texts):
        size, times = _worst(texts, at)
        if size:
            found.append(Loop(join(texts[at : at + size]), times, units[at][1]))
            at += size * times
        else:
            at += 1
    return found


def _worst(texts: Sequence[str], at: int) -> tuple[int, int]:
    """The shortest phrase here that comes too often, as its length and how often; 0, 0 if there is none."""
    for size in range(1, min(LONGEST, (len(texts) - at) // 2) + 1):
        phrase, times = texts[at : at + size], 1
        while texts[at + size * times : at + size * (times + 1)] == phrase:
            times += 1
        if times > _often(phrase).get(size, 1):
            return size, times
    return 0, 0


def _often(phrase: Sequence[str]) -> dict[int, int]:
    if DIGITS.issuperset(phrase):
        return OFTEN_DIGITS
    return OFTEN_CHINESE if HAN.match(phrase[0]) else OFTEN


def _units(text: str) -> list[str]:
    return [plain for piece in pieces(text.casefold()) if (plain := re.sub(r"[^\w']", "", piece))]
