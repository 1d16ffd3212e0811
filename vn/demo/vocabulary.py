"""A language's part of the demo world: names of what is visible, knowledge points, and sentence templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vn.demo.grammar import Grammar
from vn.story import Language, ScriptLabel, WordRangeRule


@dataclass(frozen=True, slots=True)
class Aspect:
    """An aspect of product knowledge.

    Attributes:
        name: name in the knowledge list, e.g. ``Material``.
        fact: name of its fact, which is also the slot in narrations, e.g. ``material``.
        points: all points that a product may have; none contains the name of a colour, pattern or kind.
    """

    name: str
    fact: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProseTexts:
    """The parts of a language's text for the base model (`vn.demo.prose`), besides narrations.

    Attributes:
        note: one line of notes, with the slots ``aspect`` and ``points``.
        separator: the text between listed words.
        sights: a line that lists what is seen, with the slot ``list``.
        portraits: sentences about a product; the slots are its attributes and its title.
        counted: introduce a sentence by its number of words: ``count``, or ``low`` and ``high``.
        drills: a list that is repeated, with the slot ``list``.
        general: sentences about writing for products; the slots are numbers: ``low``, ``high``, ``count``.
        meaning: what a label means: ``label``, ``definition``.
        joint: the text between the sentences of a paragraph.
        even: whether the values of an attribute are treated alike: captions name each value of every attribute equally
            often (else they draw a label, whose sentences name colours and patterns half as often as kinds and
            parts), and in training the embeddings of an attribute's values get the same gradient (`vn.demo.base_lm`).
    """

    note: str
    separator: str
    sights: tuple[str, ...]
    portraits: tuple[str, ...]
    counted: tuple[str, ...]
    drills: tuple[str, ...]
    general: tuple[str, ...]
    meaning: str
    joint: str
    even: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One language's words for the demo world.

    Attributes:
        language: language code.
        words: rule for the word ranges of clips.
        attributes: attribute (``kind``, ``colour``, ``pattern``, ``part``) -> identifier -> word; no word is part of
            another.
        title: a title with the slots ``brand`` and ``series``.
        brands, series: names that fill a title; they reveal nothing about how the product looks.
        aspects: the aspect from which the narration of a clip with this label takes its point.
        narrations: sentences for a clip with this label.
        prose: the other text that the base model is trained on.
    """

    language: Language
    words: WordRangeRule
    attributes: Mapping[str, Mapping[str, str]]
    title: str
    brands: tuple[str, ...]
    series: tuple[str, ...]
    aspects: Mapping[ScriptLabel, Aspect]
    narrations: Mapping[ScriptLabel, Grammar]
    prose: ProseTexts
