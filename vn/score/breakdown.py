"""A metric by script label, position in the video or the clip's duration, from the rows of the whole test.

A part is scored with the statistics of the whole test (CIDEr's document frequencies are those of all references), so
that parts can be compared with one another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vn.errors import InputError
from vn.metrics.bootstrap import interval
from vn.score.predictions import ScoredClip, Test
from vn.score.sums import Measure, of_clips
from vn.story import Story

WAYS = ("label", "position", "duration")
POSITIONS = ("first", "1-33 %", "34-66 %", "67-98 %", "last")
DURATIONS = ("under 3 s", "3-6 s", "6-10 s", "10 s and more")
_ENDS = (3.0, 6.0, 10.0)


def breakdown(measure: Measure, test: Test, way: str, seed: int = 0) -> dict[str, dict[str, Any]]:
    """The metric of each group of clips, with its interval and number of clips; empty if it has no rows per clip.

    Args:
        measure: measure of the whole test.
        test: its clips and stories.
        way: ``label`` (a clip with two labels counts in both), ``position`` or ``duration``.
        seed: random seed of the resampling.

    Raises:
        InputError: no such way.
    """
    if way not in WAYS:
        raise InputError(f"no breakdown by {way!r}; there are {', '.join(WAYS)}")
    if measure.rows is None:
        return {}
    stories = {story.id: story for story in test.stories}
    groups_of: Callable[[ScoredClip], Sequence[str]] = {
        "label": _labels,
        "position": _positions,
        "duration": _durations,
    }[way](stories, test)
    places: dict[str, list[int]] = {}
    for i, clip in enumerate(measure.clips):
        for group in groups_of(clip):
            places.setdefault(group, []).append(i)
    order = {"position": POSITIONS, "duration": DURATIONS}.get(way, tuple(sorted(places)))
    parts: dict[str, dict[str, Any]] = {}
    for group in (g for g in order if g in places):
        own = places[group]
        part = of_clips(test, [measure.clips[i] for i in own], measure.rows[own], measure.finish)
        ends = interval(part.sums, part.finish, seed)
        clips = len({(measure.clips[i].video, measure.clips[i].clip) for i in own})  # facts have several rows per clip
        parts[group] = {"value": part.value, "interval": list(ends) if ends else None, "clips": clips}
    return parts


def _labels(stories: dict[str, Story], test: Test) -> Callable[[ScoredClip], Sequence[str]]:
    return lambda clip: [label.text(test.language) for label in clip.reference_labels or ()]


def _positions(stories: dict[str, Story], test: Test) -> Callable[[ScoredClip], Sequence[str]]:
    def groups(clip: ScoredClip) -> Sequence[str]:
        story = stories.get(clip.video)
        if story is None:
            return ()
        if clip.clip == 0:
            return (POSITIONS[0],)
        if clip.clip == len(story.clips) - 1:
            return (POSITIONS[-1],)
        position = story.position(clip.clip)
        return (POSITIONS[1 + (position > 33) + (position > 66)],)

    return groups


def _durations(stories: dict[str, Story], test: Test) -> Callable[[ScoredClip], Sequence[str]]:
    def groups(clip: ScoredClip) -> Sequence[str]:
        story = stories.get(clip.video)
        if story is None:
            return ()
        seconds = story.clips[clip.clip].duration
        return (DURATIONS[sum(seconds >= end for end in _ENDS)],)

    return groups
