"""Script labels: how many of each, which go together, which follow each other and where (paper Figure 3)."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

from vn.stats.spread import Spread
from vn.story import ScriptLabel, Story

NAMES = tuple(label.en for label in ScriptLabel)


class LabelTally:
    """Counts script labels; a clip with several of them counts once for each."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._sets: Counter[tuple[str, ...]] = Counter()
        self._sizes: Counter[int] = Counter()
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._first: Counter[str] = Counter()
        self._last: Counter[str] = Counter()
        self._places = {name: Spread() for name in NAMES}

    def add(self, story: Story) -> None:
        """Add a story with clips."""
        per_clip = [tuple(label.en for label in clip.labels or ()) for clip in story.clips]
        for number, labels in enumerate(per_clip):
            self._sizes[len(labels)] += 1
            if labels:
                self._sets[tuple(sorted(labels, key=NAMES.index))] += 1
            self._counts.update(labels)
            for label in labels:
                self._places[label].add(story.position(number), f"{story.id} clip {number + 1}")
        for one, other in pairwise(per_clip):
            self._pairs.update((before, after) for before in one for after in other)
        self._first.update(per_clip[0])
        self._last.update(per_clip[-1])

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON, by the labels' English names."""
        return {
            "labelled_clips": sum(count for size, count in self._sizes.items() if size),
            "labels": sum(self._counts.values()),
            "labels_per_clip": {str(size): self._sizes[size] for size in sorted(self._sizes)},
            "counts": {name: self._counts[name] for name in NAMES},
            "first": {name: self._first[name] for name in NAMES},
            "last": {name: self._last[name] for name in NAMES},
            "combinations": [
                {"labels": list(labels), "count": count}
                for labels, count in self._sets.most_common()
                if len(labels) > 1
            ],
            "transitions": [
                {"from": one, "to": other, "count": count} for (one, other), count in self._pairs.most_common()
            ],
            "positions": {name: place.to_dict() for name, place in self._places.items()},
        }
