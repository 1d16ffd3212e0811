"""Where a variant is good and where not: by label, by the clip's length and by its place in the video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.compare.number import ends
from vn.compare.runs import Run
from vn.score.predictions import ScoredClip
from vn.score.sums import Measure
from vn.story import ScriptLabel, Story

LABELS = tuple(ScriptLabel)
SECONDS = (*range(7), 8, 10, 15, np.inf)  # ends of the bins of a clip's length
PLACES = (0, 20, 40, 60, 80, 100)  # per cent of the video, by the clip's position
BY_PLACE = ("cider", "facts", "word_length_accuracy", "label_agreement")  # metrics with a value per clip


class Bin(NamedTuple):
    """A score on some of the clips, mean over seeds.

    Attributes:
        name: name of the bin.
        clips: number of clips in it.
        value: the score, raw scale.
        low: lower end of the 95 % interval, over seeds and videos (one seed: over videos); None for a single video.
        high: upper end.
    """

    name: str
    clips: int
    value: float
    low: float | None
    high: float | None


def length_by_seconds(stories: Sequence[Story], measures: Sequence[Measure], seed: int = 0) -> list[Bin]:
    """A metric by the length of the clip in seconds.

    Args:
        stories: stories of the test.
        measures: the metric of each seed's run, with a value per clip.
        seed: random seed of the bootstrap behind a single run's intervals.
    """
    seconds = _of_clips(stories, lambda story, i: story.clips[i].duration)
    names = [f"{a}-{b} s" if b < np.inf else f"{a} s and more" for a, b in pairwise(SECONDS)]
    return _bins(measures, lambda c: int(np.searchsorted(SECONDS, seconds[c.video, c.clip], "right")) - 1, names, seed)


def score_by_place(stories: Sequence[Story], measures: Sequence[Measure], seed: int = 0) -> list[Bin]:
    """A metric by the clip's relative position; arguments as in `length_by_seconds`."""
    place = _of_clips(stories, lambda story, i: story.position(i))
    names = [f"{a}-{b} %" for a, b in pairwise(PLACES)]
    return _bins(measures, lambda c: int(place[c.video, c.clip] // 20), names, seed)


def label_counts(runs: Sequence[Run], setting: str) -> tuple[list[float], list[float]]:
    """How often each of the 12 labels occurs in the references, and in the predictions (mean over seeds)."""
    tests = [run.tests[setting] for run in runs]
    reference = [float(sum(label in (c.reference_labels or ()) for c in tests[0].clips)) for label in LABELS]
    written = [float(np.mean([sum(label in (c.labels or ()) for c in t.clips) for t in tests])) for label in LABELS]
    return reference, written


def confusion(runs: Sequence[Run], setting: str) -> NDArray[np.float64] | None:
    """`[12, 13]`: reference labels by the label predicted, mean over seeds; the last column is "no label".

    Each reference label counts once: as itself if it was predicted, else in equal parts as each label that was.
    None if no labels were predicted.
    """
    tests = [run.tests[setting] for run in runs]
    if any(c.labels_given for t in tests for c in t.clips) or not any(c.labels for t in tests for c in t.clips):
        return None
    counts = np.zeros((len(LABELS), len(LABELS) + 1))
    for test in tests:
        for clip in test.clips:
            for label in clip.reference_labels or ():
                row = counts[LABELS.index(label)]
                written = clip.labels or ()
                if label in written:
                    row[LABELS.index(label)] += 1
                elif not written:
                    row[-1] += 1
                for other in written if label not in written else ():
                    row[LABELS.index(other)] += 1 / len(written)
    return counts / len(tests)


def _of_clips(stories: Sequence[Story], of: Callable[[Story, int], float]) -> dict[tuple[str, int], float]:
    return {(story.id, i): of(story, i) for story in stories for i in range(len(story.clips))}


def _bins(
    measures: Sequence[Measure], bin_of: Callable[[ScoredClip], int], names: Sequence[str], seed: int
) -> list[Bin]:
    videos = sorted({v for m in measures for v in m.videos})
    place = {v: i for i, v in enumerate(videos)}
    sums = np.zeros((len(names), len(measures), len(videos), 2))
    clips: list[set[tuple[str, int]]] = [set() for _ in names]
    bins: dict[tuple[str, int], int] = {}
    for run, measure in enumerate(measures):
        assert measure.rows is not None
        own_bins = []
        for clip in measure.clips:
            key = clip.video, clip.clip
            if key not in bins:
                bins[key] = bin_of(clip)
                clips[bins[key]].add(key)
            own_bins.append(bins[key])
        np.add.at(sums[:, run], (own_bins, [place[clip.video] for clip in measure.clips]), measure.rows)
    found = []
    for name, own_sums, inside in zip(names, sums, clips, strict=True):
        if not inside:
            continue
        total, count = own_sums.sum(axis=(0, 1))
        shown = np.flatnonzero((own_sums[..., 1] > 0).all(axis=0))  # videos with such a clip in all runs
        own = [
            replace(m, videos=tuple(videos[i] for i in shown), sums=each[shown])
            for m, each in zip(measures, own_sums, strict=True)
        ]
        low, high = ends(own, seed) or (None, None)
        found.append(Bin(name, len(inside), float(total / count), low, high))
    return found
