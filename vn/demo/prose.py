"""Text that a base language model learns a language from: the demo's words, and never its prompts.

What it should bring along to the task is what any language model brings: words, fluent sentences, and finding and
copying what stands further up. What it must not know yet is the task itself: the form of the prompt, that a label or
a picture decides what is said, when an attribute is named, and which combinations of attributes go together. So a
document here is notes with sentences that use them, a paragraph, counted lines or a drill.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from vn.demo.grammar import Grammar, expand, fill
from vn.demo.product import ATTRIBUTES
from vn.demo.vocabulary import Aspect, Vocabulary
from vn.story import Clip, ScriptLabel, count_words

Document = tuple[str, ...]
"""Paragraphs, newlines included. Training may move them apart (`vn.demo.base_lm`)."""

MOST_ASPECTS = 7
INVENTED = 0.3  # share of the points that are no points of the language: they can only be copied
_SLOTS = re.compile(r"\{\w+\}")


class Prose:
    """Writes documents.

    Args:
        vocabulary: the words.
        seed: of the documents.
    """

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self.vocabulary = vocabulary
        self.texts = vocabulary.prose
        self.hardness = 1.0
        self.rng = random.Random(f"prose/{vocabulary.language}/{seed}")
        self.lengths = [vocabulary.words.range_of(Clip(0, t), vocabulary.language) for t in (2, 3, 4, 5)]
        self.points = [point for aspect in vocabulary.aspects.values() for point in aspect.points]
        # Parts of points, to invent other points from: words, or in Chinese characters.
        split = list if vocabulary.language == "zh" else str.split
        self.pieces = sorted({piece for point in self.points for piece in split(point) if piece.isalpha()})

    def documents(self, count: int, hardness: float = 1.0) -> list[Document]:
        """That many documents, of all kinds.

        Args:
            count: how many.
            hardness: 0 to 1: how much there is to choose from. With a single thing in a list there is nothing to
                find, only to copy; what can copy then learns where to copy from.
        """
        self.hardness = hardness
        kinds = (self.notes, self.captions, self.drill, self.counted, self.paragraph)
        return [write() for write in self.rng.choices(kinds, (7, 7, 1, 1, 1), k=count)]

    def lexicon(self) -> list[str]:
        """The language without chance: every template's first and last sentence, every point, every name.

        A tokenizer trained on this spends no tokens on words that are made up or merely frequent.
        """
        words, texts = self.vocabulary, self.texts
        names = [word for each in words.attributes.values() for word in each.values()]
        names += [text for aspect in words.aspects.values() for text in (aspect.name, *aspect.points)]
        names += [*words.brands, *words.series]
        names += [
            text for label in ScriptLabel for text in (label.text(words.language), label.definition(words.language))
        ]
        templates = [t for each in words.narrations.values() for t in each.templates]
        templates += [*texts.sights, *texts.portraits, *texts.counted, *texts.drills, *texts.general]
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
        """Any value of each attribute: none of the combinations is preferred."""
        return {a: self.rng.choice(list(self.vocabulary.attributes[a].values())) for a in ATTRIBUTES}

    def numbers(self) -> dict[str, int]:
        low = self.rng.randint(1, 12)
        return {"low": low, "high": low + self.rng.randint(2, 6), "count": self.rng.randint(2, 14)}

    def knowledge(self, most: int) -> list[tuple[ScriptLabel, Aspect, list[str]]]:
        """A few aspects with points, some of which are invented."""
        aspects = list(self.vocabulary.aspects.items())
        found = []
        for label, aspect in self.rng.sample(aspects, self.rng.randint(1, most)):
            points = self.rng.sample(aspect.points, self.rng.randint(1, 4))
            found.append((label, aspect, [p if self.rng.random() > INVENTED else self.invented() for p in points]))
        return found

    def invented(self) -> str:
        """A point that does not exist."""
        count = 4 if self.vocabulary.language == "zh" else 2
        return ("" if self.vocabulary.language == "zh" else " ").join(self.rng.sample(self.pieces, count))

    def any_attribute(self) -> str:
        """An attribute, the more often the more values it has."""
        return self.rng.choices(ATTRIBUTES, [len(self.vocabulary.attributes[a]) for a in ATTRIBUTES])[0]

    def narration(
        self, label: ScriptLabel, point: str | None, attributes: dict[str, str], about: str | None = None
    ) -> tuple[str, set[str]]:
        """A sentence of the kind that goes with a label, and which of the attributes it names: any that it can.

        Args:
            label: the label.
            point: point of the label's aspect, if it has one.
            attributes: attributes of the product.
            about: an attribute that must be among those it names; None leaves them all to chance.
        """
        aspect = self.vocabulary.aspects.get(label)
        spoken = self.vocabulary.narrations[label]
        needed = {*([aspect.fact] if aspect is not None else []), *([about] if about is not None else [])}
        slots = self.rng.choice([s for s in spoken.slots if needed <= s])
        known = {**attributes, **({aspect.fact: point} if aspect is not None and point is not None else {})}
        for words in self.rng.sample(self.lengths, len(self.lengths)):
            if spoken.fitting(values := {name: known[name] for name in slots}, words):
                return spoken.sentence(self.rng, values, words) + "\n", set(attributes) & slots
        raise LookupError(f"nothing to say about {label.name} with {values}")

    def notes(self) -> Document:
        """Notes, then sentences that each use the first point of an aspect; what is seen stands before it all."""
        known = self.knowledge(1 + round(self.hardness * (MOST_ASPECTS - 1)))
        attributes = self.attributes()
        lines, named = [], set()
        for label, _, points in self.rng.sample(known, len(known)):
            line, names = self.narration(label, points[0], attributes)
            lines.append(line)
            named |= names
        head = "".join(
            self.texts.note.format(aspect=aspect.name, points=self.texts.separator.join(points))
            for _, aspect, points in known
        )
        return (head, *([self.sight(attributes, named)] if named else []), *lines)

    def captions(self) -> Document:
        """Sentences, each after a line of what is seen, and each about something else."""
        document = []
        for _ in range(self.rng.randint(2, 5)):
            about = self.any_attribute() if self.texts.even else None
            label = self.rng.choice(
                [label for label, spoken in self.vocabulary.narrations.items() if _names(spoken, about)]
            )
            aspect = self.vocabulary.aspects.get(label)
            attributes = self.attributes()
            point = self.rng.choice(aspect.points) if aspect else None
            line, named = self.narration(label, point, attributes, about)
            document += [self.sight(attributes, named), line]
        return tuple(document)

    def sight(self, attributes: dict[str, str], needed: set[str]) -> str:
        """A line that lists attributes in any order: those needed, and as many others as hardness has it."""
        names = [a for a in attributes if a in needed or self.rng.random() < self.hardness]
        words = self.rng.sample([attributes[a] for a in names], len(names))
        return self.say(self.texts.sights, list=self.texts.separator.join(words)) + "\n" if words else ""

    def drill(self) -> Document:
        """Words and points, known and invented, said twice."""
        words = [w for kind in self.vocabulary.attributes.values() for w in kind.values()] + self.points
        count = self.rng.randint(2, 8)
        listed = [self.rng.choice(words) if self.rng.random() < 0.6 else self.invented() for _ in range(count)]
        return (self.say(self.texts.drills, list=self.texts.separator.join(listed)) + "\n",)

    def counted(self) -> Document:
        """Sentences, and how many words they have."""
        lines = []
        attributes = self.attributes()
        for _ in range(self.rng.randint(1, 4)):
            label = self.rng.choice(list(self.vocabulary.narrations))
            aspect = self.vocabulary.aspects.get(label)
            sentence, _ = self.narration(label, self.rng.choice(aspect.points) if aspect else None, attributes)
            count = count_words(sentence, self.vocabulary.language)
            low = max(1, count - self.rng.randint(0, 3))
            lead = self.say(self.texts.counted, count=count, low=low, high=low + self.rng.randint(3, 5))
            lines.append(lead + self.texts.joint + sentence)
        return tuple(lines)

    def paragraph(self) -> Document:
        """General sentences, what labels mean, and portraits of products."""
        sentences = []
        for _ in range(self.rng.randint(2, 6)):
            if self.rng.random() < 0.5:
                sentences.append(self.say(self.texts.portraits, title=self.title(), **self.attributes()))
            elif self.rng.random() < 0.7:
                sentences.append(self.say(self.texts.general, **self.numbers()))
            else:
                label = self.rng.choice(list(ScriptLabel))
                language = self.vocabulary.language
                values = {"label": label.text(language), "definition": label.definition(language)}
                sentences.append(self.texts.meaning.format(**values))
        return (self.texts.joint.join(sentences) + "\n",)


def _names(spoken: Grammar, about: str | None) -> bool:
    """Whether some sentence of a grammar names an attribute: this one, or with None any."""
    return any(slots & ({about} if about is not None else set(ATTRIBUTES)) for slots in spoken.slots)
