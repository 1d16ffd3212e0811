"""The question about one clip, after the paper's A.1: role, product, narrations so far, words, the next narration.

The wording is data: ``templates/video-chat-en.yaml``, ``-zh.yaml``, or a user's own file with the same fields.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vn.errors import InputError, did_you_mean, show
from vn.io.files import parse_yaml, read_text
from vn.story import Domain, Labels, Language, Story, WordRange, format_labels

TEMPLATES = Path(__file__).parent / "templates"
# Field -> the names its braces may have; those of `BY_DOMAIN` hold a text for each domain.
FIELDS: dict[str, tuple[str, ...]] = {
    "role": (),
    "title": ("title",),
    "aspect": ("aspect", "points"),
    "separator": (),
    "earlier": ("earlier",),
    "joint": (),
    "label": ("label", "definition"),
    "task": ("low", "high"),
    "cue": (),
    "retry": ("count", "low", "high"),
}
BY_DOMAIN = ("role", "title")


@dataclass(frozen=True, slots=True)
class Question:
    """What the question about a clip is made of.

    Attributes:
        title: the story's title.
        knowledge: aspects with their points.
        earlier: the narrations so far, in order.
        words: how many words the model is asked for.
        labels: the labels that are given, if any.
    """

    title: str
    knowledge: Sequence[tuple[str, Sequence[str]]]
    earlier: Sequence[str]
    words: WordRange
    labels: Labels | None = None

    @property
    def points(self) -> int:
        """How many knowledge points it has."""
        return sum(len(points) for _, points in self.knowledge)

    def without(self, narrations: int, points: int) -> Question:
        """The question without the first narrations and the last knowledge points.

        Args:
            narrations: how many of the former.
            points: how many of the latter.
        """
        left = self.points - points
        kept = []
        for aspect, some in self.knowledge:
            some = some[: max(0, left)]
            left -= len(some)
            if some:
                kept.append((aspect, some))
        return Question(self.title, kept, self.earlier[narrations:], self.words, self.labels)


@dataclass(frozen=True, slots=True)
class ClipTemplate:
    """The wording of questions about clips.

    Attributes:
        language: language of the wording and of the labels in it.
        sha256: hash of the file.
        texts: the fields; the names in their braces are filled in.
    """

    language: Language
    sha256: str
    texts: dict[str, str]

    @classmethod
    def load(cls, language: Language, domain: Domain, file: str | Path | None = None) -> ClipTemplate:
        """The shipped template of a language, or a user's file.

        Raises:
            InputError: a field is missing, unknown, or has a name in braces that is not one of its own.
        """
        path = Path(file) if file is not None else TEMPLATES / f"video-chat-{language}.yaml"
        text = read_text(path)
        data = parse_yaml(text, path)
        if not isinstance(data, dict):
            raise InputError(f"expected template fields by name, got {show(data)}", file=path)
        for name in data:
            if name not in FIELDS:
                raise InputError(f"unknown field{did_you_mean(str(name), FIELDS)}", file=path, field=show(name))
        texts = {}
        for name, allowed in FIELDS.items():
            value, field = data.get(name), name
            if name in BY_DOMAIN:
                value, field = value.get(domain) if isinstance(value, dict) else None, f"{name}.{domain}"
            if not isinstance(value, str):
                raise InputError("missing" if value is None else "expected a text", file=path, field=field)
            _check_braces(value, allowed, path, field)
            texts[name] = value
        return cls(language, hashlib.sha256(text.encode()).hexdigest(), texts)

    def ask(self, question: Question, plain: Callable[[str], str]) -> str:
        """The text of a question.

        Args:
            question: what it is made of.
            plain: makes texts of the story safe for the model; the template's own are not changed.
        """
        t = self.texts
        text = t["role"] + t["title"].format(title=plain(_one_line(question.title)))
        for aspect, points in question.knowledge:
            listed = t["separator"].join(plain(_one_line(point)) for point in points)
            text += t["aspect"].format(aspect=plain(_one_line(aspect)), points=listed)
        if question.earlier:
            text += t["earlier"].format(earlier=plain(t["joint"].join(map(_one_line, question.earlier))))
        if question.labels:
            definition = " ".join(label.definition(self.language) for label in question.labels)
            text += t["label"].format(label=format_labels(question.labels, self.language), definition=definition)
        return text + t["task"].format(low=question.words.low, high=question.words.high) + t["cue"]

    def retry(self, count: int, words: WordRange) -> str:
        """What is asked if a narration has `count` words and not as many as it should."""
        return self.texts["retry"].format(count=count, low=words.low, high=words.high)


def question_of(story: Story, earlier: Sequence[str], words: WordRange, labels: Labels | None) -> Question:
    """The question about the next clip of a story; earlier narrations that are empty are left out."""
    knowledge = [(each.aspect, each.points) for each in story.knowledge]
    return Question(story.title, knowledge, [text for text in earlier if text], words, labels)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _check_braces(text: str, allowed: tuple[str, ...], file: Path, field: str) -> None:
    try:
        parts = [part for part in string.Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise InputError(f"bad braces: {error}", file=file, field=field) from None
    for _, name, width, conversion in parts:
        if name not in allowed or width or conversion:
            names = ", ".join(f"{{{each}}}" for each in allowed) or "none"
            raise InputError(f"unknown name {{{name}}} in braces; allowed here: {names}", file=file, field=field)
