"""Text that a base language model learns a language from: the demo's words, and never its prompts.

What it should bring along to the task is what any language model brings: words, fluent sentences, and copying what
stands further up. What it must not know yet is the task itself: the form of the prompt, that a label decides what is
said, that pictures mean anything, and which of the combinations of attributes is at hand. So a document here is a
paragraph, a dialogue, notes with sentences that use them, a counted line or a drill.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from vn.demo.english_prose import (
    ANSWERS,
    COUNTED,
    DRILLS,
    GENERAL,
    NOTE_HEADS,
    NOTE_STYLES,
    PORTRAITS,
    QUESTIONS,
    SPEAKERS,
)
from vn.demo.grammar import expand, fill
from vn.demo.storyline import ATTRIBUTES, PARTS
from vn.demo.vocabulary import Aspect, Vocabulary
from vn.story import ScriptLabel, WordRange, count_words

Document = tuple[str, ...]
"""Paragraphs, newlines included. Training may move them apart (`vn.demo.base_lm`)."""

ANY_LENGTH = (WordRange(3, 7), WordRange(6, 9), WordRange(8, 12), WordRange(11, 14))
_SLOTS = re.compile(r"\{\w+\}")
SYLLABLES = [
    "ba",
    "be",
    "bo",
    "da",
    "de",
    "do",
    "fa",
    "ga",
    "go",
    "ka",
    "ki",
    "ko",
    "la",
    "le",
    "lo",
    "ma",
    "mi",
    "mo",
    "na",
    "ne",
    "no",
    "pa",
    "pi",
    "po",
    "ra",
    "re",
    "ri",
    "sa",
    "so",
    "ta",
    "ti",
    "to",
    "va",
    "vi",
    "zo",
]


class Prose:
    """Writes documents.

    Args:
        vocabulary: the words.
        seed: of the documents.
    """

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self.vocabulary = vocabulary
        self.rng = random.Random(f"prose/{vocabulary.language}/{seed}")
        self.kinds = (
            (self.notes, 10),
            (self.dialogue, 4),
            (self.drill, 3),
            (self.counted, 3),
            (self.paragraph, 3),
        )

    def documents(self, count: int) -> list[Document]:
        """That many documents, of all kinds."""
        writers = self.rng.choices([w for w, _ in self.kinds], [share for _, share in self.kinds], k=count)
        return [write() for write in writers]

    def lexicon(self) -> list[str]:
        """The language without chance: every template's first and last sentence, every point, every name.

        A tokenizer trained on this spends no tokens on words that are made up or merely frequent.
        """
        words = self.vocabulary
        names = [word for each in words.attributes.values() for word in each.values()]
        names += [text for aspect in words.aspects.values() for text in (aspect.name, *aspect.points)]
        names += [*words.brands, *words.series, *SPEAKERS]
        names += [
            text for label in ScriptLabel for text in (label.text(words.language), label.definition(words.language))
        ]
        templates = [t for each in words.narrations.values() for t in each.templates]
        templates += [*PORTRAITS, *NOTE_HEADS, *QUESTIONS, *ANSWERS, *COUNTED, *DRILLS, *GENERAL]
        sentences = [_SLOTS.sub("", text) for t in templates for text in (expand(t)[0], expand(t)[-1])]
        return [" ".join(text.split()) for each in (names, sentences) for text in each]

    def say(self, templates: Sequence[str], **values: object) -> str:
        """One of the sentences that some templates stand for."""
        sentence = self.rng.choice(expand(self.rng.choice(templates)))
        return fill(sentence, {name: str(value) for name, value in values.items()})

    def title(self) -> str:
        words = self.vocabulary
        return words.title.format(brand=self.rng.choice(words.brands), series=self.rng.choice(words.series))

    def attributes(self) -> dict[str, str]:
        """Any colour, pattern and kind: none of the 200 combinations is preferred."""
        return {a: self.rng.choice(list(self.vocabulary.attributes[a].values())) for a in ATTRIBUTES}

    def numbers(self) -> dict[str, int]:
        low = self.rng.randint(1, 12)
        return {"low": low, "high": low + self.rng.randint(2, 6), "count": self.rng.randint(2, 14)}

    def made_up(self) -> str:
        """A word that does not exist: it can only be copied."""
        return "".join(self.rng.choices(SYLLABLES, k=self.rng.randint(2, 3)))

    def narration(self, label: ScriptLabel, point: str | None, attributes: dict[str, str], words: WordRange) -> str:
        """A sentence of the kind that goes with a label, about any attributes."""
        part = PARTS[label]
        named = {a: attributes[a] for a in part.tells}
        if part.recalls and self.rng.random() < 0.4:
            named[part.recalls] = attributes[part.recalls]
        aspect = self.vocabulary.aspects.get(label)
        if aspect is not None and point is not None:
            named[aspect.fact] = point
        return self.vocabulary.narrations[label].sentence(self.rng, named, words)

    def knowledge(self, most: int) -> list[tuple[ScriptLabel, Aspect, list[str]]]:
        """A few aspects with points; one point in five is made up."""
        aspects = list(self.vocabulary.aspects.items())
        chosen = self.rng.sample(aspects, self.rng.randint(2, most))
        found = []
        for label, aspect in chosen:
            points = self.rng.sample(aspect.points, self.rng.randint(1, 4))
            points = [p if self.rng.random() < 0.8 else f"{self.made_up()} {self.made_up()}" for p in points]
            found.append((label, aspect, points))
        return found

    def noted(self, known: list[tuple[ScriptLabel, Aspect, list[str]]]) -> str:
        """Knowledge as notes in one of several styles."""
        before, between, part = self.rng.choice(NOTE_STYLES)
        head = self.say(NOTE_HEADS, title=self.title(), page=self.rng.randint(1, 99))
        lower = self.rng.random() < 0.4
        lines = [
            f"{before}{aspect.name.lower() if lower else aspect.name}{between}{part.join(points)}"
            for _, aspect, points in known
        ]
        return "\n".join([head, *lines]) + "\n"

    def notes(self) -> Document:
        """Notes, then sentences that each use the first point of an aspect; appearances need none."""
        known = self.knowledge(most=7)
        labels = [(label, points[0]) for label, _, points in known]
        chosen: list[tuple[ScriptLabel, str | None]] = list(self.rng.sample(labels, self.rng.randint(1, len(labels))))
        if self.rng.random() < 0.4:
            chosen.insert(self.rng.randint(0, len(chosen)), (ScriptLabel.APPEARANCE, None))
        attributes = self.attributes()
        lines = [self.narration(label, p, attributes, self.rng.choice(ANY_LENGTH)) for label, p in chosen]
        return (self.noted(known), *(line + "\n" for line in lines))

    def dialogue(self) -> Document:
        """Two people go through notes."""
        known = self.knowledge(most=5)
        one, other = self.rng.sample(SPEAKERS, 2)
        lines = []
        for _, aspect, points in self.rng.sample(known, self.rng.randint(1, len(known))):
            lines.append(f"{one}: {self.say(QUESTIONS, aspect=aspect.name.lower())}\n")
            answer = self.say(ANSWERS, points=" and ".join(points), first=points[0])
            lines.append(f"{other}: {answer}\n")
        return (self.noted(known), *lines)

    def drill(self) -> Document:
        """Words, known and made up, said twice."""
        words = [w for kind in self.vocabulary.attributes.values() for w in kind.values()]
        words += [p for aspect in self.vocabulary.aspects.values() for p in aspect.points]
        count = self.rng.randint(2, 8)
        listed = ", ".join(self.rng.choice(words) if self.rng.random() < 0.6 else self.made_up() for _ in range(count))
        return (self.say(DRILLS, list=listed) + "\n",)

    def counted(self) -> Document:
        """Sentences, and how many words they have."""
        lines = []
        attributes = self.attributes()
        for _ in range(self.rng.randint(1, 4)):
            label = self.rng.choice(list(self.vocabulary.narrations))
            aspect = self.vocabulary.aspects.get(label)
            point = self.rng.choice(aspect.points) if aspect else None
            sentence = self.narration(label, point, attributes, self.rng.choice(ANY_LENGTH))
            count = count_words(sentence, self.vocabulary.language)
            low = max(1, count - self.rng.randint(0, 3))
            lead = self.say(COUNTED, count=count, low=low, high=low + self.rng.randint(3, 5))
            lines.append(f"{lead} {sentence}\n")
        return tuple(lines)

    def paragraph(self) -> Document:
        """General sentences, what labels mean, and portraits of products."""
        sentences = []
        for _ in range(self.rng.randint(2, 6)):
            if self.rng.random() < 0.5:
                sentences.append(self.say(PORTRAITS, title=self.title(), **self.attributes()))
            elif self.rng.random() < 0.7:
                sentences.append(self.say(GENERAL, **self.numbers()))
            else:
                label = self.rng.choice(list(ScriptLabel))
                language = self.vocabulary.language
                sentences.append(f"{label.text(language)} means this. {label.definition(language)}")
        return (" ".join(sentences) + "\n",)
