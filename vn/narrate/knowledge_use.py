"""Which knowledge points a narration uses.

The rule is plain word overlap, no judge and no model: a point counts as used if at least `THRESHOLD` of its units
appear in the narration, in any order. Units are, in English, lower-cased words without a plural s, those of `FILLERS`
left out unless the point has no others; in Chinese, pairs of neighbouring characters (a single one for a point of one
character), punctuation left out. So it finds points that are repeated or rearranged ("three for two" in "buy three, for
two you pay"), and misses paraphrases; a point whose words appear for another reason is counted too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vn.story import Knowledge, Language

THRESHOLD = 0.6
FILLERS = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "its", "of", "on", "or", "that")
    + ("the", "this", "to", "with", "you", "your")
)
_WORD = re.compile(r"[^\W_]+")


def used_points(
    narration: str, knowledge: Sequence[Knowledge], language: Language, threshold: float = THRESHOLD
) -> list[tuple[str, str]]:
    """The (aspect, point) pairs that a narration uses, in the story's order.

    >>> offer = Knowledge("Offer", ("three for two", "free shipping"))
    >>> used_points("Grab the yellow one with three for two!", [offer], "en")
    [('Offer', 'three for two')]
    """
    said = set(_units(narration, language, whole=True))
    found = []
    for each in knowledge:
        for point in each.points:
            units = set(_units(point, language, whole=False))
            if units and len(units & said) >= threshold * len(units):
                found.append((each.aspect, point))
    return found


def _units(text: str, language: Language, whole: bool) -> list[str]:
    """The units of a text; `whole` texts keep their fillers and, in Chinese, their single characters."""
    parts = _WORD.findall(text.lower())
    if language == "en":
        words = [
            part[:-1] if len(part) > 3 and part.endswith("s") and not part.endswith("ss") else part for part in parts
        ]
        return words if whole else [word for word in words if word not in FILLERS] or words
    pairs = [part[i : i + 2] for part in parts for i in range(len(part) - 1)]
    singles = [character for part in parts for character in part]
    return [*pairs, *singles] if whole else pairs or singles
