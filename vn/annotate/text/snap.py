"""Correction without a model: recognised phrases that are near a fact of the product become that fact.

A window of the text is replaced by a point or the title if both sound nearly the same (`vn.annotate.text.sound`): few
of all letters differ, and words that differ are near too, so that "safe for kids" never becomes "safe for pets".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vn.annotate.text.bounds import FURTHEST, refusal
from vn.annotate.text.facts import Facts
from vn.annotate.text.sound import distance, has_pinyin, letters
from vn.annotate.text.spelling import plain, tokens, units
from vn.story import Language

FEWEST = {"en": 6, "zh": 3}  # letters or characters of a phrase: shorter ones are near too much else
ARTICLES = ("a", "an", "the")
# A window begins or ends with one of these only if the phrase does: "one and" is not "one hand".
SMALL = {
    *("a", "an", "the", "and", "or", "but", "of", "to", "in", "on", "at", "by", "for", "with"),
    *("from", "as", "is", "are", "was", "be", "it", "its", "this", "that", "you", "we", "i", "so"),
    *("no", "not"),
}
OTHER_SOUND = 0.34  # share of letters that may differ among words that begin with different letters
BY_CHARACTER = 0.2  # share of characters that may differ where pypinyin is not installed
_BREAK = re.compile(r"[,.:;!?，。：；！？、\n]")


@dataclass(frozen=True, slots=True)
class SnapSettings:
    """When a phrase is near enough; the defaults were chosen on recognised speech (docs/annotating.md).

    Attributes:
        whole: share of the phrase's letters that may differ.
        words: share of the letters that may differ among the words (in Chinese, characters) that are not equal.
    """

    whole: float = 0.25
    words: float = 0.5


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A fact as it is looked for: what replaces a window, its units, and these as letters."""

    text: str
    units: tuple[str, ...]
    sound: str


@dataclass(frozen=True, slots=True)
class _Window:
    """A window of a text that is near a phrase, from one character up to another; 0 is nearest."""

    distance: float
    start: int
    end: int
    phrase: _Phrase


def snapped(text: str, facts: Facts, settings: SnapSettings | None = None, furthest: float = FURTHEST) -> str:
    """A text whose near misses of the product's facts are these facts; the rest stays as it is, character by character.

    Args:
        text: a clip's text as it was recognised.
        facts: what is known of the product.
        settings: when a phrase is near enough.
        furthest: see `vn.annotate.text.bounds.refusal`, which each replacement must pass.
    """
    phrases = list(filter(None, (_phrase(each, facts.language) for each in facts.phrases)))
    chosen: list[_Window] = []
    for window in sorted(_windows(text, phrases, facts.language, settings or SnapSettings()), key=_rank):
        if all(window.end <= other.start or window.start >= other.end for other in chosen):
            chosen.append(window)
    found = text
    for window in sorted(chosen, key=lambda each: -each.start):  # from the end, so that places before stay right
        new = found[: window.start] + _as_written(found[window.start :], window.phrase.text) + found[window.end :]
        if plain(new) != plain(found) and refusal(text, new, facts, furthest) is None:
            found = new
    return found


def _rank(window: _Window) -> tuple[float, int, int]:
    return window.distance, -len(window.phrase.sound), window.start


def _phrase(text: str, language: Language) -> _Phrase | None:
    """A fact to look for, without its article; None if it is too short, or in another language."""
    found = units(text, language)
    written = text
    if language == "en" and found and found[0] in ARTICLES:
        found, written = found[1:], text.strip()[len(found[0]) :].strip()
    sound = letters(found, language)
    size = len(sound) if language == "en" else len(found)
    return _Phrase(written, tuple(found), sound) if size >= FEWEST[language] else None


def _windows(text: str, phrases: Sequence[_Phrase], language: Language, settings: SnapSettings) -> list[_Window]:
    """The windows near a phrase; those equal to one too, so that they are replaced by no other."""
    places = tokens(text, language)
    said = [units(each[0], language) for each in places]
    whole = min(settings.whole, BY_CHARACTER) if language == "zh" and not has_pinyin() else settings.whole
    found = []
    for phrase in phrases:
        size = len(phrase.units)
        for count in range(max(1, size - 1), size + 2):
            for start in range(len(places) - count + 1):
                first, end = places[start].start(), places[start + count - 1].end()
                parts = [unit for each in said[start : start + count] for unit in each]
                far = distance(letters(parts, language), phrase.sound)
                if (
                    far <= whole
                    and not _BREAK.search(text, first, end)
                    and _fits(parts, phrase.units, settings.words, language)
                ):
                    found.append(_Window(far, first, end, phrase))
    return found


def _fits(said: Sequence[str], wanted: Sequence[str], limit: float, language: Language) -> bool:
    """Whether what is left without the equal units at both ends is near too, and empty on neither side alone."""
    if any(a in SMALL and a != b for a, b in ((said[0], wanted[0]), (said[-1], wanted[-1]))):
        return False
    first = 0
    while first < min(len(said), len(wanted)) and said[first] == wanted[first]:
        first += 1
    last = 0
    while last < min(len(said), len(wanted)) - first and said[-1 - last] == wanted[-1 - last]:
        last += 1
    a, b = (letters(units[first : len(units) - last], language) for units in (said, wanted))
    if not a or not b:
        return not a and not b
    if language == "zh" and not has_pinyin():
        return True  # characters that differ have nothing in common
    return distance(a, b) <= (limit if a[0] == b[0] else min(limit, OTHER_SOUND))


def _as_written(place: str, phrase: str) -> str:
    """A phrase with a capital letter if the place that it goes to has one."""
    return phrase[:1].upper() + phrase[1:] if place[:1].isupper() else phrase
