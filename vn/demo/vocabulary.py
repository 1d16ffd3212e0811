"""What a language contributes to the demo world: names of what is seen, points to know, and ways to say things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vn.demo.grammar import Grammar
from vn.story import Language, ScriptLabel, WordRangeRule


@dataclass(frozen=True, slots=True)
class Aspect:
    """An aspect of product knowledge.

    Attributes:
        name: as the knowledge list writes it, e.g. ``Material``.
        fact: the name of its fact, which is also the slot in narrations, e.g. ``material``.
        points: all the points a product may have; none holds the name of a colour, pattern or kind.
    """

    name: str
    fact: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProseTexts:
    """What a language's text for the base model is made of (`vn.demo.prose`), besides narrations.

    Attributes:
        note: one line of notes, with the slots ``aspect`` and ``points``.
        separator: between listed words.
        sights: a line that lists what is seen, with the slot ``list``.
        portraits: sentences about a product; the slots are its attributes and its title.
        counted: lead in a sentence by its number of words: ``count``, or ``low`` and ``high``.
        drills: a list said twice, with the slot ``list``.
        general: sentences about writing for products; the slots are numbers: ``low``, ``high``, ``count``.
        meaning: what a label means: ``label``, ``definition``.
        joint: between the sentences of a paragraph.
        even: whether the values of an attribute are treated alike: captions name each value of every attribute equally
            often (else they draw a label, whose sentences name colours and patterns half as often as kinds and
            parts), and training moves the embeddings of an attribute's values together (`vn.demo.base_lm`).
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
    """One language's words for the world.

    Attributes:
        language: its code.
        words: how many words fit a clip.
        attributes: attribute (``kind``, ``colour``, ``pattern``, ``part``) -> identifier -> word; no word is part of
            another.
        title: a title with the slots ``brand`` and ``series``.
        brands, series: what fills a title; they say nothing about how the product looks.
        aspects: the aspect from which the narration of a clip with this label takes its point.
        narrations: what is said in a clip with this label.
        prose: what else the base model reads.
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
