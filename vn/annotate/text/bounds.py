"""How far a correction may go: whoever makes it, it repairs what was recognised, and says nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein

from vn.annotate.text.amounts import Number, Stated, changed
from vn.annotate.text.facts import Facts
from vn.annotate.text.private import new_contacts
from vn.annotate.text.sound import NEAR, distance, numeral_letters
from vn.annotate.text.spelling import is_chinese, spoken, units
from vn.story import Language

RULES = 1  # raised with each change of what is refused or snapped, so that results are made again
# Share of the words or characters that may differ; docs/annotating.md#correction-and-labels has how it was chosen.
FURTHEST = 0.5


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a correction is refused.

    Attributes:
        kind: the mark's kind.
        why: one sentence.
    """

    kind: Literal["far", "number", "empty", "language", "contact"]
    why: str


def refusal(recognised: str, corrected: str, facts: Facts, furthest: float = FURTHEST) -> Refusal | None:
    """Why a correction is refused; None if it is not.

    Args:
        recognised: a clip's text as it was recognised.
        corrected: the correction.
        facts: what is known of the product, which alone may correct numbers.
        furthest: largest share of words (in English) or characters (in Chinese) that may differ.
    """
    language = facts.language
    before, after = units(recognised, language), units(corrected, language)
    if before and not after:
        return Refusal("empty", "the correction is empty")
    if is_chinese(recognised) != is_chinese(corrected):
        return Refusal("language", "the correction is in another language")
    if found := new_contacts(recognised, corrected):
        return Refusal("contact", f"the correction adds {found[0]!r}")
    if why := _changed_number(recognised, corrected, facts):
        return Refusal("number", why)
    far = Levenshtein.normalized_distance(before, after)
    if far > furthest:
        what = "words" if language == "en" else "characters"
        return Refusal("far", f"the correction changes {far:.0%} of the {what}, more than {furthest:.0%}")
    return None


def _changed_number(recognised: str, corrected: str, facts: Facts) -> str | None:
    """What is wrong with the numbers of a correction; None if nothing is."""
    language = facts.language
    lost, new = changed(recognised, corrected, language)
    left = [_letters(each.number, language) for each in lost]
    for each in new:
        shown = _shown(each)
        if each.number not in facts.numbers:
            return f"the correction states {shown}, which is neither in the recognised text nor in the product's facts"
        sound = _letters(each.number, language)
        near = min(left, key=lambda other: distance(other, sound), default=None)
        if near is not None and distance(near, sound) <= NEAR:
            left.remove(near)
        elif not any(distance(other, sound) <= NEAR for other in _replaced(recognised, corrected, language)):
            return f"the correction states {shown}, which does not sound like anything in the recognised text"
    if left:
        return f"the correction leaves out {_shown(lost[0])}"
    return None


def _shown(each: Stated) -> str:
    return f"{each.number.value.normalize():f}{f' {each.number.unit}' if each.number.unit else ''}"


def _letters(number: Number, language: Language) -> str:
    said = spoken(abs(number.value), language)
    return numeral_letters(said.split() if language == "en" else said, language)


def _replaced(recognised: str, corrected: str, language: Language) -> list[str]:
    """What a correction replaces, unit by unit, as it sounds."""
    before: Sequence[str] = units(recognised, language)
    steps = Levenshtein.opcodes(before, units(corrected, language))
    gone = [
        before[i] for step in steps if step.tag in ("replace", "delete") for i in range(step.src_start, step.src_end)
    ]
    return [numeral_letters([each], language) for each in gone]
