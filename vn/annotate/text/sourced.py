"""Whether a point that a model found is in its source: literally, and with its numbers whole."""

from __future__ import annotations

import re

from vn.annotate.text.amounts import stated
from vn.annotate.text.spelling import plain
from vn.story import Language


class Source:
    """A text that points must come from.

    Args:
        text: the text.
        language: its language.
    """

    def __init__(self, text: str, language: Language) -> None:
        self._text, self._language = plain(text), language
        self._numbers = {each.number for each in stated(text, language)}

    def has(self, point: str) -> bool:
        """Whether a text is in it, whatever its width, case and blanks; not within a word or a number.

        >>> Source("Price: 19.9元，Leather", "zh").has("9.9元"), Source("Ｏａｋ  wood", "en").has("oak wood")
        (False, True)
        """
        wanted = plain(point)
        if not wanted:
            return False
        found = re.search(
            rf"{_edge(wanted[0], before=True)}{re.escape(wanted)}{_edge(wanted[-1], before=False)}", self._text
        )
        return found is not None and all(each.number in self._numbers for each in stated(point, self._language))


def _edge(character: str, before: bool) -> str:
    """What may not be beside a text that begins or ends with a character: more of the same word or number."""
    if character.isascii() and character.isalpha():
        return "(?<![a-z])" if before else "(?![a-z])"
    if character.isdecimal():
        return r"(?<!\d)(?<!\d[.,])" if before else r"(?!\d|[.,]\d)"
    return ""
