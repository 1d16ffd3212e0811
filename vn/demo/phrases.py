"""Randomly chosen words, sentences and notes, of which documents for the base language model consist."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from vn.demo.grammar import expand, fill
from vn.demo.product import ATTRIBUTES
from vn.demo.vocabulary import Aspect, Vocabulary
from vn.story import Clip, ScriptLabel

INVENTED = 0.3  # share of the points that are made up: they can only be copied
_SLOTS = re.compile(r"\{\w+\}")


class Phrases:
    """The parts of documents, in one language.

    Args:
        vocabulary: the words.
        rng: source of all choices; the documents draw from it too.
    """

    def __init__(self, vocabulary: Vocabulary, rng: random.Random) -> None:
        self.vocabulary = vocabulary
        self.rng = rng
        self.lengths = [vocabulary.words.range_of(Clip(0, t), vocabulary.language) for t in (2, 3, 4, 5)]
        self.points = [point for aspect in vocabulary.aspects.values() for point in aspect.points]
        # Parts of points, to invent other points from: words, or in Chinese characters.
        split = list if vocabulary.language == "zh" else str.split
        self.pieces = sorted({piece for point in self.points for piece in split(point) if piece.isalpha()})

    def say(self, templates: Sequence[str], **values: object) -> str:
        """One of the sentences that some templates expand to."""
        sentence = self.rng.choice(expand(self.rng.choice(templates)))
        return fill(sentence, {name: str(value) for name, value in values.items()})

    def title(self) -> str:
        """A product's title: brand and series."""
        words = self.vocabulary
        return words.title.format(brand=self.rng.choice(words.brands), series=self.rng.choice(words.series))

    def attributes(self) -> dict[str, str]:
        """A random value of each attribute: all combinations are equally likely."""
        return {a: self.rng.choice(list(self.vocabulary.attributes[a].values())) for a in ATTRIBUTES}

    def numbers(self) -> dict[str, int]:
        """Values of ``low``, ``high`` and ``count`` for templates."""
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
        """An attribute, with probability proportional to its number of values."""
        return self.rng.choices(ATTRIBUTES, [len(self.vocabulary.attributes[a]) for a in ATTRIBUTES])[0]

    def narration(
        self, label: ScriptLabel, point: str | None, attributes: dict[str, str], about: str | None = None
    ) -> tuple[str, set[str]]:
        """A sentence for a label, and which of the attributes it names, chosen at random.

        Args:
            label: the label.
            point: point of the label's aspect, if it has one.
            attributes: attributes of the product.
            about: an attribute that must be among those named; None: any.
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


def lexicon(vocabulary: Vocabulary) -> list[str]:
    """The language without randomness: every template's first and last sentence, every point, every name.

    A tokenizer trained on this does not spend tokens on made-up or merely frequent words.
    """
    words, texts = vocabulary, vocabulary.prose
    names = [word for each in words.attributes.values() for word in each.values()]
    names += [text for aspect in words.aspects.values() for text in (aspect.name, *aspect.points)]
    names += [*words.brands, *words.series]
    names += [text for label in ScriptLabel for text in (label.text(words.language), label.definition(words.language))]
    templates = [t for each in words.narrations.values() for t in each.templates]
    templates += [*texts.sights, *texts.portraits, *texts.counted, *texts.drills, *texts.general]
    sentences = [_SLOTS.sub("", text) for t in templates for text in (expand(t)[0], expand(t)[-1])]
    return [" ".join(text.split()) for each in (names, sentences) for text in each]
