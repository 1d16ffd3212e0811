"""Fact accuracy: which of the facts that a clip should state its narration states, by their source.

Needs stories whose clips have ``facts``, as the demo's do (`vn.demo.film`): ``{name: {"value": .., "from": ..}}``.
The measure is exact: no judge, no embedding. A fact is right when

- ``label``: the label written is this one;
- ``from`` is ``label``: the narration states a point of the aspect `value`, any of those in the story;
- else: the narration states `value` and no other value that a fact of this name has in these stories.

A value is stated when its words occur contiguously in the narration: lower-cased words without punctuation in English,
characters in Chinese. If one value is part of another, the longer one counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from vn.errors import InputError
from vn.story import Labels, Language, Story, parse_labels

SOURCES = ("picture", "earlier_picture", "earlier_text", "position", "label", "knowledge")
Units = tuple[str, ...]  # words, or characters
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Fact:
    """What a clip should state, and the source of that (one of `SOURCES`)."""

    name: str
    value: str
    source: str


def clip_facts(story: Story, clip: int) -> list[Fact]:
    """The facts of a clip; none if the story lists none.

    Raises:
        InputError: naming story and field, when a fact is not a mapping with a ``value`` and a known ``from``.
    """
    found = []
    for name, entry in (story.clips[clip].facts or {}).items():
        field = f"clips[{clip}].facts.{name}"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("value"), str) or not entry["value"].strip():
            raise InputError(f"expected a mapping with a value and from, got {entry!r}", sample=story.id, field=field)
        if entry.get("from") not in SOURCES:
            raise InputError(
                f"expected one of {', '.join(SOURCES)}, got {entry.get('from')!r}",
                sample=story.id,
                field=f"{field}.from",
            )
        found.append(Fact(name, entry["value"], entry["from"]))
    return found


class Values:
    """Values in units, found in a narration without going through all of them: a test may have one per video.

    Args:
        values: the values.
    """

    def __init__(self, values: Iterable[Units] = ()) -> None:
        self._values: set[Units] = set()
        self._lengths: dict[str, set[int]] = {}
        for value in values:
            self.add(value)

    def add(self, value: Units) -> None:
        """Add a value; one without units is never stated."""
        self._values.add(value)
        if value:
            self._lengths.setdefault(value[0], set()).add(len(value))

    def lengths(self, unit: str) -> Collection[int]:
        """The lengths of the values that begin with a unit."""
        return self._lengths.get(unit, ())

    def __contains__(self, value: Units) -> bool:
        return value in self._values

    def __iter__(self) -> Iterator[Units]:
        return iter(self._values)


class FactChecker:
    """Checks narrations against facts.

    Args:
        stories: all stories that are scored: a narration is wrong if it states another value of their facts.
        language: language of narrations and values.
    """

    def __init__(self, stories: Iterable[Story], language: Language) -> None:
        self.language = language
        self.values: dict[str, Values] = {}
        for story in stories:
            for clip in range(len(story.clips)):
                for fact in clip_facts(story, clip):
                    self.values.setdefault(fact.name, Values()).add(self.units(fact.value))

    def right(self, fact: Fact, story: Story, narration: str, labels: Labels | None) -> bool:
        """Whether a clip states a fact of its own; `labels` are those written for it."""
        if fact.name == "label":
            return labels is not None and set(labels) == set(parse_labels(fact.value))
        if fact.source == "label":
            points = [p for known in story.knowledge if known.aspect == fact.value for p in known.points]
            return bool(self.stated(narration, Values(self.units(p) for p in points)))
        value = self.units(fact.value)
        values = self.values.get(fact.name, Values())
        if value not in values:  # a fact of another story
            values = Values([*values, value])
        return self.stated(narration, values) == {value}

    def units(self, text: str) -> Units:
        """The units in which values and narrations are compared: words, or characters."""
        if self.language == "zh":
            return tuple("".join(text.split()))
        return tuple(_WORD.findall(text.lower()))

    def stated(self, narration: str, values: Values) -> set[Units]:
        """Which values a narration states, except those inside a longer one."""
        units = self.units(narration)
        spans = [
            (i, -(i + length), units[i : i + length])
            for i, unit in enumerate(units)
            for length in values.lengths(unit)
            if units[i : i + length] in values and i + length <= len(units)
        ]
        stated: set[Units] = set()
        reach = 0
        for _, minus_end, value in sorted(spans):  # a span that could contain another comes before it
            if -minus_end > reach:
                stated.add(value)
                reach = -minus_end
        return stated
