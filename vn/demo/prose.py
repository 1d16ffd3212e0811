"""Pretraining text for the base language model: the demo's words, but never its prompts.

The model should learn what any language model can do: words, fluent sentences, and finding and copying earlier text. It
must not learn the task itself: the form of the prompt, that a label or the frames determine the narration, when an
attribute is named, and which combinations of attributes occur. So a document here is notes with sentences that use
them, a paragraph, counted lines or a drill.
"""

from __future__ import annotations

import random

from vn.demo.grammar import Grammar
from vn.demo.phrases import Phrases
from vn.demo.product import ATTRIBUTES
from vn.demo.vocabulary import Vocabulary
from vn.story import ScriptLabel, count_words

Document = tuple[str, ...]
"""Paragraphs, newlines included. Training may put gaps between them (`vn.demo.base_lm`)."""

MOST_ASPECTS = 7


class Prose:
    """Writes documents.

    Args:
        vocabulary: the words.
        seed: random seed of the documents.
    """

    def __init__(self, vocabulary: Vocabulary, seed: int) -> None:
        self.vocabulary = vocabulary
        self.texts = vocabulary.prose
        self.hardness = 1.0
        self.rng = random.Random(f"prose/{vocabulary.language}/{seed}")
        self.phrases = Phrases(vocabulary, self.rng)

    def documents(self, count: int, hardness: float = 1.0) -> list[Document]:
        """That many documents, of all kinds.

        Args:
            count: how many.
            hardness: 0 to 1: how much there is to choose from. With a single item in a list there is nothing to
                find, only to copy; a model that can copy then learns where to copy from.
        """
        self.hardness = hardness
        kinds = (self.notes, self.captions, self.drill, self.counted, self.paragraph)
        return [write() for write in self.rng.choices(kinds, (7, 7, 1, 1, 1), k=count)]

    def notes(self) -> Document:
        """Notes, then sentences that each use the first point of an aspect, after a line of what is seen."""
        known = self.phrases.knowledge(1 + round(self.hardness * (MOST_ASPECTS - 1)))
        attributes = self.phrases.attributes()
        lines, named = [], set()
        for label, _, points in self.rng.sample(known, len(known)):
            line, names = self.phrases.narration(label, points[0], attributes)
            lines.append(line)
            named |= names
        head = "".join(
            self.texts.note.format(aspect=aspect.name, points=self.texts.separator.join(points))
            for _, aspect, points in known
        )
        return (head, *([self.sight(attributes, named)] if named else []), *lines)

    def captions(self) -> Document:
        """Sentences, each after a line of what is seen, and each about another product."""
        document = []
        for _ in range(self.rng.randint(2, 5)):
            about = self.phrases.any_attribute() if self.texts.even else None
            label = self.rng.choice(
                [label for label, spoken in self.vocabulary.narrations.items() if _names(spoken, about)]
            )
            aspect = self.vocabulary.aspects.get(label)
            attributes = self.phrases.attributes()
            point = self.rng.choice(aspect.points) if aspect else None
            line, named = self.phrases.narration(label, point, attributes, about)
            document += [self.sight(attributes, named), line]
        return tuple(document)

    def sight(self, attributes: dict[str, str], needed: set[str]) -> str:
        """A line that lists attributes in any order: those needed, and others in proportion to `hardness`."""
        names = [a for a in attributes if a in needed or self.rng.random() < self.hardness]
        words = self.rng.sample([attributes[a] for a in names], len(names))
        return self.phrases.say(self.texts.sights, list=self.texts.separator.join(words)) + "\n" if words else ""

    def drill(self) -> Document:
        """Words and points, known and made up, each list repeated."""
        words = [w for kind in self.vocabulary.attributes.values() for w in kind.values()] + self.phrases.points
        count = self.rng.randint(2, 8)
        listed = [self.rng.choice(words) if self.rng.random() < 0.6 else self.phrases.invented() for _ in range(count)]
        return (self.phrases.say(self.texts.drills, list=self.texts.separator.join(listed)) + "\n",)

    def counted(self) -> Document:
        """Sentences, and how many words they have."""
        lines = []
        attributes = self.phrases.attributes()
        for _ in range(self.rng.randint(1, 4)):
            label = self.rng.choice(list(self.vocabulary.narrations))
            aspect = self.vocabulary.aspects.get(label)
            sentence, _ = self.phrases.narration(label, self.rng.choice(aspect.points) if aspect else None, attributes)
            count = count_words(sentence, self.vocabulary.language)
            low = max(1, count - self.rng.randint(0, 3))
            lead = self.phrases.say(self.texts.counted, count=count, low=low, high=low + self.rng.randint(3, 5))
            lines.append(lead + self.texts.joint + sentence)
        return tuple(lines)

    def paragraph(self) -> Document:
        """General sentences, what labels mean, and portraits of products."""
        sentences = []
        for _ in range(self.rng.randint(2, 6)):
            if self.rng.random() < 0.5:
                sentences.append(
                    self.phrases.say(self.texts.portraits, title=self.phrases.title(), **self.phrases.attributes())
                )
            elif self.rng.random() < 0.7:
                sentences.append(self.phrases.say(self.texts.general, **self.phrases.numbers()))
            else:
                label = self.rng.choice(list(ScriptLabel))
                language = self.vocabulary.language
                values = {"label": label.text(language), "definition": label.definition(language)}
                sentences.append(self.texts.meaning.format(**values))
        return (self.texts.joint.join(sentences) + "\n",)


def _names(spoken: Grammar, about: str | None) -> bool:
    """Whether some sentence of a grammar names an attribute: this one, or with None any."""
    return any(slots & ({about} if about is not None else set(ATTRIBUTES)) for slots in spoken.slots)
