"""Where a line of a subtitle may end, and the cost of each such place.

In Chinese a line ends at jieba's words and at punctuation (at any character if jieba is not installed), in other
scripts at spaces. In both languages it never ends within a number and its unit (``199.9元``, ``3-5天``, ``50%``) or a
Latin word, before closing punctuation, or after opening punctuation.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

from vn.errors import InputError

SENTENCE_END = frozenset("。！？；!?;….")
CLOSING = SENTENCE_END | frozenset("，、：）】》〉」』〕］｝〗”’〞,:)]}%％‰℃°—～~·・-/ー々")
OPENING = frozenset("（【《〈「『〔［｛〖“‘〝([{$¥￥€£#@·・-")
PARTICLES = frozenset("的地得了着过吗呢吧啊呀嘛们之")  # a line that begins with one is hard to read
LITTLE = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "and",
        "or",
        "but",
        "as",
        "is",
        "are",
        "your",
        "our",
        "its",
        "this",
        "that",
    ]
)

_DIGITS = r"\d+(?:,\d{3})*(?:\.\d+)?"
_NUMERALS = "零〇一二三四五六七八九十百千万亿两"
_UNIT = (
    r"(?:[万亿千百]?(?:平方米|个月|小时|分钟|公斤|千克|毫升|毫安|厘米|毫米|公里|美元|欧元"
    r"|[元块角分折天日年月周秒个只件款层种次倍人位台克斤吨升米度岁号楼期瓦页代季斗名条双对套片支瓶盒袋包张把间寸成]"
    r"|万|亿|千|百)|[%‰℃°][CF]?)"
)
NUMBER = re.compile(
    rf"(?:[¥$€£] ?|第|百分之)?{_DIGITS}(?: ?(?:[-–—~:/×*+至到比]|——) ?{_DIGITS})*{_UNIT}?"
    rf"|(?:第|百分之)?[{_NUMERALS}]+(?:点[{_NUMERALS}]+)?{_UNIT}?"
)


def break_costs(text: str) -> dict[int, float]:
    """The places where a line may end, each with its cost: 0 after a sentence, up to 1.

    Args:
        text: text with single spaces, and none at its ends.

    Returns:
        Index -> cost, in order. The line ends before that character; a space before it is not shown.
    """
    plain = "".join(map(_half_width, text))
    words = _word_ends(text)
    whole = {i for found in NUMBER.finditer(plain) for i in range(found.start() + 1, _number_end(found.end(), words))}
    opened = _opening_quotes(text)
    costs: dict[int, float] = {}
    for i in range(1, len(text)):
        left, right = text[i - 1], text[i]
        if right == " " or i in whole or not (left == " " or i in words):
            continue
        spaced = left == " "
        before = i - 2 if spaced else i - 1
        if before < 0 or _extends(right) or left == "\u200d":
            continue
        if (right in CLOSING and not _is_minus(text, i)) or (right == '"' and i not in opened):
            continue
        if text[before] in OPENING or before in opened:
            continue
        if not spaced and not (_is_wide(left) or _is_wide(right)):
            continue
        costs[i] = _cost(text, plain, before, i, spaced)
    return costs


def columns(text: str) -> int:
    """The width of a text on the screen: a Chinese character is as wide as two Latin ones."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def may_be_cut(text: str, place: int) -> bool:
    """Whether a character begins here, rather than an accent or a part of an emoji."""
    return not _extends(text[place]) and text[place - 1] != "\u200d"


def _cost(text: str, plain: str, before: int, place: int, spaced: bool) -> float:
    last, right = text[before], text[place]
    if last in SENTENCE_END:
        return 0.0
    if last in CLOSING:
        return 0.1 if last == "、" else 0.03
    if right in PARTICLES:
        return 0.6
    if not spaced:
        return 0.2
    word = plain[plain.rfind(" ", 0, before) + 1 : before + 1]
    return 0.3 if word.lower() in LITTLE else 0.15


def _number_end(end: int, words: set[int]) -> int:
    """A number's end, or that of the word that begins with its unit."""
    return next((i for i in range(end, end + 3) if i in words), end)


def _is_minus(text: str, place: int) -> bool:
    """Whether a hyphen is the sign of a number, as in ``，-18℃``, and not between two words or numbers."""
    left, right = text[place - 1], text[place + 1 : place + 2]
    return text[place] == "-" and right.isdecimal() and (left in CLOSING or left == " ")


def _opening_quotes(text: str) -> set[int]:
    """The indices of opening straight double quotes: every second one."""
    return set([i for i, c in enumerate(text) if c == '"'][::2])


def _is_wide(character: str) -> bool:
    """Whether a line may end next to it without a space: Chinese, but not full-width Latin letters or digits."""
    if character in "—…”’":
        return True
    return unicodedata.east_asian_width(character) in "WF" and not _half_width(character).isascii()


def _half_width(character: str) -> str:
    """The usual form of full-width letters, digits and signs; punctuation of sentences and clauses is kept."""
    if "！" <= character <= "～" and character not in "！，；？（）［］｛｝～":
        return chr(ord(character) - 0xFEE0)
    return {"￥": "¥", "～": "~"}.get(character, character)


def _extends(character: str) -> bool:
    """Whether it belongs to the character before: accents, joiners, and variants of an emoji."""
    modifier = "\U0001f3fb" <= character <= "\U0001f3ff"
    return modifier or unicodedata.category(character) in ("Mn", "Me", "Mc") or character == "\u200d"


def _word_ends(text: str) -> set[int]:
    """Where words end: jieba's, or after each character."""
    if not any(unicodedata.east_asian_width(c) in "WF" for c in text):
        return set(range(1, len(text) + 1))
    ends, at = set(), 0
    for word in _cutter()(text):
        at += len(word)
        ends.add(at)
    return ends


@functools.cache
def _cutter() -> Callable[[str], list[str]]:
    from vn.metrics.jieba_tokenizers import new_jieba

    try:
        tokenizer, _ = new_jieba()
    except InputError:  # not installed
        return list
    return lambda text: list(tokenizer.cut(text))
