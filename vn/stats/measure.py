"""What is counted over the stories of a split, one story at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

from vn.stats.knowledge import KnowledgeTally
from vn.stats.labels import LabelTally
from vn.stats.texts import TextTally
from vn.stats.times import TimeTally
from vn.story import Story

LACKS = {
    "clips": "no clips, counted in nothing else",
    "narrations": "no narration",
    "some narrations": "clips without a narration",
    "labels": "no script labels",
    "some labels": "clips without script labels",
    "knowledge": "no knowledge points",
}
"""What a story may lack, and how that is put; each such story is named."""


class _Part(Protocol):
    """What counts one side of stories."""

    def add(self, story: Story) -> None: ...
    def to_dict(self) -> dict[str, Any]: ...


class Tally:
    """The statistics of some stories; what they add up to is `to_dict`.

    A story without clips is named and counted in nothing else: how many clips it has is not known before its shots are
    found.
    """

    def __init__(self) -> None:
        self.videos = 0
        self._languages: Counter[str] = Counter()
        self._domains: Counter[str] = Counter()
        self._categories: Counter[str] = Counter()
        self._without: dict[str, list[str]] = {what: [] for what in LACKS}
        self._parts: dict[str, _Part] = {
            "times": TimeTally(),
            "texts": TextTally(),
            "labels": LabelTally(),
            "knowledge": KnowledgeTally(),
        }

    def add(self, story: Story) -> None:
        """Add a story."""
        for what in lacking(story):
            self._without[what].append(story.id)
        if not story.clips:
            return
        self.videos += 1
        self._languages[story.language] += 1
        self._domains[story.domain] += 1
        self._categories[story.category or "none"] += 1
        for part in self._parts.values():
            part.add(story)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {
            "videos": self.videos,
            "languages": dict(self._languages.most_common()),
            "domains": dict(self._domains.most_common()),
            "categories": dict(self._categories.most_common()),
            **{name: part.to_dict() for name, part in self._parts.items()},
            "without": {what: ids for what, ids in self._without.items() if ids},
        }


def lacking(story: Story) -> Iterable[str]:
    """Those of `LACKS` that a story lacks.

    >>> list(lacking(Story("a", "Kettle", "en", "ad", (), ())))
    ['clips', 'knowledge']
    """
    narrated = [clip for clip in story.clips if clip.narration]
    labelled = [clip for clip in story.clips if clip.labels]
    if not story.clips:
        yield "clips"
    elif not narrated:
        yield "narrations"
    elif len(narrated) < len(story.clips):
        yield "some narrations"
    if story.clips and not labelled:
        yield "labels"
    elif len(labelled) < len(story.clips):
        yield "some labels"
    if not any(each.points for each in story.knowledge):
        yield "knowledge"
