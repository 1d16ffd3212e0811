"""Words of a text that only has a beginning and an end: each gets a share of the time, by its length."""

from __future__ import annotations

import re

from vn.annotate.speech.join import HAN
from vn.annotate.speech.recogniser import TimedWord

# A Chinese character or other characters up to a blank or a Chinese one, each with the punctuation after it.
_PIECE = re.compile(rf"\s*(?:{HAN.pattern}[^\w\s]*|(?:(?!{HAN.pattern})\S)+)")


def pieces(text: str) -> list[str]:
    """A text cut into words: Chinese characters and Latin words, each with its punctuation and the blank before it.

    >>> pieces("支持 USB充电，真好!")
    ['支', '持', ' USB', '充', '电，', '真', '好!']
    """
    return [found.group() for found in _PIECE.finditer(text)]


def spread(text: str, start: float, end: float) -> list[TimedWord]:
    """The words of a text, between two times in seconds."""
    parts = pieces(text)
    sizes = [max(1, sum(c.isalnum() for c in part)) for part in parts]
    whole, at, out = sum(sizes), 0, []
    for part, size in zip(parts, sizes, strict=True):
        times = (start + (end - start) * place / whole for place in (at, at + size))
        out.append(TimedWord(part, *times))
        at += size
    return out
