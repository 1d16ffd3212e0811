"""Words joined to texts: Latin ones by blanks, Chinese without, with the punctuation that Chinese has."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from vn.annotate.speech.recogniser import TimedWord

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")
FULL_WIDTH = {",": "，", ".": "。", "?": "？", "!": "！", ":": "：", ";": "；"}
_WIDE = re.compile(rf"{HAN.pattern}|[\u3000-\u30ff\uff00-\uffef]")  # next to these no blank is written
_PUNCTUATION = re.compile(r"[^\w\s]+")
# The end of a Latin word or number, or what may be within one, and what goes on with it.
_GOES_ON = re.compile(r"(?:[^\W_]|[^\W_][.,:/'’&+%-]|[$¥€£#-])[^\W_]")


def join(words: Iterable[str]) -> str:
    """Words as a text.

    >>> join(["支持", "USB", "Type-C", "充电，", "199元。"]), join(["Cold", "tea", "again?"])
    ('支持USB Type-C充电，199元。', 'Cold tea again?')

    Args:
        words: the words, without blanks around them.
    """
    parts = list(words)
    text = "".join(parts[:1])
    for before, word in pairwise(parts):
        wide = _WIDE.match(before[-1:]) or _WIDE.match(word[:1])
        text += word if wide else f" {word}"
    return text


def written(pieces: Iterable[TimedWord], language: str) -> list[TimedWord]:
    """A recogniser's pieces as words that are written as a language writes them."""
    words = whole_words(pieces)
    return through(words, chinese_punctuation) if language == "zh" else words


def whole_words(pieces: Iterable[TimedWord]) -> list[TimedWord]:
    """A recogniser's pieces as words without blanks.

    Whisper cuts Latin words and numbers within Chinese into pieces (``i``, ``Phone``), and some English ones at their
    hyphen. Punctuation on its own belongs to the word before it.
    """
    whole: list[TimedWord] = []
    for piece in pieces:
        text = " ".join(piece.text.split())
        if not text:
            continue
        last = whole[-1].text if whole else ""
        if last and (_PUNCTUATION.fullmatch(text) or (not piece.text[0].isspace() and _is_one(last, text))):
            whole[-1] = TimedWord(last + text, whole[-1].start, max(whole[-1].end, piece.end))
        else:
            whole.append(replace(piece, text=text))
    return whole


def through(words: Sequence[TimedWord], change: Callable[[str], str]) -> list[TimedWord]:
    """Words changed by a function of the text that they make, so that it knows what is around each of them.

    Args:
        words: the words.
        change: a function that keeps the text's length; if it does not, each word is changed alone.
    """
    text = join(word.text for word in words)
    changed = change(text)
    if len(changed) != len(text):
        return [replace(word, text=change(word.text)) for word in words]
    out, at = [], 0
    for word in words:
        at = text.index(word.text, at)
        out.append(replace(word, text=changed[at : at + len(word.text)]))
        at += len(word.text)
    return out


def chinese_punctuation(text: str) -> str:
    """Half-width punctuation beside Chinese characters in full width; never within numbers or Latin words.

    >>> chinese_punctuation("只要19.9元,支持USB,Type-C.真好!")
    '只要19.9元，支持USB,Type-C。真好！'
    """
    if not HAN.search(text):
        return text
    out = list(text)
    for at, character in enumerate(text):
        if character in FULL_WIDTH:
            sides = (_beside(text, at, -1), _beside(text, at, 1))
            if not sides[1] or any(HAN.match(side) for side in sides):
                out[at] = FULL_WIDTH[character]
    return "".join(out)


def _is_one(last: str, text: str) -> bool:
    """Whether a piece without a blank goes on with the word before it."""
    if not (HAN.search(last) or HAN.search(text)):
        return True
    return (
        not HAN.match(last[-1])
        and not HAN.match(text[0])
        and any(_GOES_ON.fullmatch(last[-n:] + text[0]) for n in (1, 2))
    )


def _beside(text: str, at: int, step: int) -> str:
    """The next letter, digit or character in a direction; empty at the end."""
    at += step
    while 0 <= at < len(text) and not text[at].isalnum():
        at += step
    return text[at] if 0 <= at < len(text) else ""
