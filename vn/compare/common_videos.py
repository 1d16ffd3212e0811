"""Runs that were tested on different videos, compared on those that all of them have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from vn.compare.runs import Run
from vn.errors import InputError
from vn.score.predictions import Test

FIRST = 5  # runs that the sentence names


def stories_of(run: Run) -> frozenset[Any]:
    """The stories that a run was tested on: ids, with the clips' times and references."""
    test = run.tests.get("predicted") or next(iter(run.tests.values()))
    return frozenset((s.id, tuple((c.start, c.end, c.narration) for c in s.clips)) for s in test.stories)


def on_common_videos(runs: Sequence[Run]) -> tuple[list[Run], str]:
    """Restrict runs to the videos that all of them have, with the same clips and references.

    What only ``scores.json`` has is of all videos of a run, so it is dropped.

    Returns:
        The runs, and which videos they are now compared on, in a sentence; empty if these are all of theirs.

    Raises:
        InputError: there is no such video.
    """
    each = [stories_of(run) for run in runs]
    shared = frozenset.intersection(*each)
    if not shared:
        other = next((run for run, own in zip(runs, each, strict=True) if not own & each[0]), None)
        who = f"{runs[0].name} and {other.name} have none in common" if other else "each has others"
        raise InputError(f"the runs share no video with the same clips and references: {who}", field="--common-videos")
    if all(own == shared for own in each):
        return list(runs), ""
    keys = {key for key, _ in shared}
    cut = [
        f"{run.name} ({len(own) - len(shared)} of {len(own)} videos left out)"
        for run, own in zip(runs, each, strict=True)
        if own != shared
    ]
    more = f" and {len(cut) - FIRST} more" if len(cut) > FIRST else ""
    many = "1 video" if len(shared) == 1 else f"{len(shared)} videos"
    names = ", ".join(cut[:FIRST])
    return [_restricted(run, keys) for run in runs], f"Compared on the {many} that all runs have; cut: {names}{more}."


def _restricted(run: Run, keys: Collection[str]) -> Run:
    tests = {setting: _part(test, keys) for setting, test in run.tests.items()}
    scores = {
        setting: {name: {**entry, "value": None} for name, entry in metrics.items() if isinstance(entry, dict)}
        for setting, metrics in run.scores.items()
    }
    return replace(run, tests={setting: test for setting, test in tests.items() if test.clips}, scores=scores)


def _part(test: Test, keys: Collection[str]) -> Test:
    clips = tuple(clip for clip in test.clips if clip.video in keys)
    return Test(clips, test.language, tuple(story for story in test.stories if story.id in keys))
