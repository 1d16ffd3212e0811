"""A small template grammar: one line expands to many sentences.

``(a|b)`` is a choice, ``[a]`` may be left out, both nest, and ``{name}`` is a slot that a fact fills::

    Made (of|from) {material}[, through and through].
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from vn.story import Language, WordRange, count_words

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")


@cache
def expand(template: str) -> tuple[str, ...]:
    """All sentences that a template expands to, slots still open, in a fixed order.

    Raises:
        ValueError: a bracket is not closed, or was never opened.
    """
    sentences, end = _choices(template, 0, "")
    if end != len(template):
        raise ValueError(f"unexpected {template[end]!r} at {end} in {template!r}")
    return tuple(dict.fromkeys(" ".join(s.split()) for s in sentences))


def _choices(text: str, at: int, close: str) -> tuple[list[str], int]:
    """The alternatives from `at` up to the bracket `close` ("" is the end), and where they end."""
    alternatives: list[str] = []
    branch = [""]
    while at < len(text) and text[at] not in ")]":
        char = text[at]
        if char in "([":
            inner, at = _choices(text, at + 1, ")" if char == "(" else "]")
            branch = [b + i for b in branch for i in (inner if char == "(" else [*inner, ""])]
        elif char == "|" and close:
            alternatives += branch
            branch = [""]
        else:
            branch = [b + char for b in branch]
        at += 1
    if close and text[at : at + 1] != close:
        raise ValueError(f"missing {close!r} in {text!r}")
    return alternatives + branch, at


def fill(sentence: str, values: Mapping[str, str]) -> str:
    """Fill the slots of an expanded sentence: it starts with a capital, and ``a`` becomes ``an`` before a vowel."""
    text = _SLOT.sub(lambda match: values[match[1]], sentence)
    return _ARTICLE.sub(r"\1n ", text[:1].upper() + text[1:])


@cache
def _by_slots(template: str, language: Language) -> dict[frozenset[str], list[tuple[str, int]]]:
    """A template's sentences by their slots, each with its word count if every slot is one word."""
    groups: dict[frozenset[str], list[tuple[str, int]]] = {}
    for sentence in expand(template):
        words = count_words(_SLOT.sub("x", sentence), language)
        groups.setdefault(frozenset(_SLOT.findall(sentence)), []).append((sentence, words))
    return groups


@dataclass(frozen=True, slots=True)
class Grammar:
    """Templates for one kind of sentence in a language."""

    language: Language
    templates: tuple[str, ...]

    @property
    def slots(self) -> list[frozenset[str]]:
        """The sets of facts that some sentence here states, in a fixed order."""
        found = {slots for template in self.templates for slots in _by_slots(template, self.language)}
        return sorted(found, key=sorted)

    def fitting(self, values: Mapping[str, str], words: WordRange) -> list[list[str]]:
        """For each template, its sentences that state exactly these facts with an allowed word count, slots open.

        Args:
            values: the facts to state, by slot.
            words: the word counts allowed.
        """
        more = sum(count_words(value, self.language) - 1 for value in values.values())
        found = []
        for template in self.templates:
            sentences = _by_slots(template, self.language).get(frozenset(values), [])
            if fit := [s for s, count in sentences if count + more in words]:
                found.append(fit)
        return found

    def sentence(self, rng: random.Random, values: Mapping[str, str], words: WordRange) -> str:
        """Draw one of the fitting templates, then one of its sentences.

        Raises:
            LookupError: no template states these facts in that many words.
        """
        fitting = self.fitting(values, words)
        if not fitting:
            raise LookupError(f"no template states {sorted(values)} in {words.low} to {words.high} words")
        return fill(rng.choice(rng.choice(fitting)), values)


def grammar(language: Language, *templates: str) -> Grammar:
    """A grammar from template lines; raises at once if brackets are wrong."""
    for template in templates:
        expand(template)
    return Grammar(language, templates)
