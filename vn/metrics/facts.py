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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vn.errors import InputError
from vn.story import Labels, Language, Story, parse_labels

SOURCES = ("picture", "earlier_picture", "earlier_text", "position", "label", "knowledge")
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


class FactChecker:
    """Checks narrations against facts.

    Args:
        stories: all stories that are scored: a narration is wrong if it states another value of their facts.
        language: language of narrations and values.
    """

    def __init__(self, stories: Iterable[Story], language: Language) -> None:
        self.language = language
        self.values: dict[str, set[tuple[str, ...]]] = {}
        for story in stories:
            for clip in range(len(story.clips)):
                for fact in clip_facts(story, clip):
                    self.values.setdefault(fact.name, set()).add(self.units(fact.value))

    def right(self, fact: Fact, story: Story, narration: str, labels: Labels | None) -> bool:
        """Whether a clip states a fact of its own; `labels` are those written for it."""
        if fact.name == "label":
            return labels is not None and set(labels) == set(parse_labels(fact.value))
        if fact.source == "label":
            points = [p for known in story.knowledge if known.aspect == fact.value for p in known.points]
            return bool(self.stated(narration, {self.units(p) for p in points}))
        value = self.units(fact.value)
        return self.stated(narration, self.values.get(fact.name, set()) | {value}) == {value}

    def units(self, text: str) -> tuple[str, ...]:
        """The units in which values and narrations are compared: words, or characters."""
        if self.language == "zh":
            return tuple("".join(text.split()))
        return tuple(_WORD.findall(text.lower()))

    def stated(self, narration: str, values: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
        """Which values a narration states, except those inside a longer one."""
        units = self.units(narration)
        begins: dict[str, list[tuple[str, ...]]] = {}
        for value in filter(None, values):
            begins.setdefault(value[0], []).append(value)
        spans = [
            (i, -(i + len(value)), value)
            for i, unit in enumerate(units)
            for value in begins.get(unit, ())
            if units[i : i + len(value)] == value
        ]
        stated, reach = set(), 0
        for _, minus_end, value in sorted(spans):  # a span that could contain another comes before it
            if -minus_end > reach:
                stated.add(value)
                reach = -minus_end
        return stated
