"""Where a variant is good and where not: by label, by the clip's length and by its place in the video."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vn.compare.runs import Run
from vn.errors import InputError
from vn.metrics.bootstrap import resampled
from vn.metrics.cider import cider_segments
from vn.metrics.facts import FactChecker, clip_facts
from vn.metrics.labels import agree
from vn.metrics.length import fits
from vn.metrics.predictions import ScoredClip, Test
from vn.metrics.tokenisation import DEFAULT, Tokenisation, tokenisation_named
from vn.story import ScriptLabel

LABELS = tuple(ScriptLabel)
SECONDS = (*range(7), 8, 10, 15, np.inf)  # ends of the bins of a clip's length
PLACES = (0, 20, 40, 60, 80, 100)  # per cent of the video, by the clip's position
BY_PLACE = ("cider", "facts", "word_length_accuracy", "label_agreement")


class Bin(NamedTuple):
    """A score on some of the clips, mean over seeds.

    Attributes:
        name: of the bin.
        clips: in it.
        value: raw scale.
        low: the 95 % interval's lower end, over videos; None for a single video.
        high: its upper end.
    """

    name: str
    clips: int
    value: float
    low: float | None
    high: float | None


Rows = list[tuple[ScoredClip, float]]


def length_by_seconds(runs: Sequence[Run], setting: str, seed: int = 0) -> list[Bin]:
    """Word-length accuracy by the seconds of the clip."""
    tests = [run.tests[setting] for run in runs]
    if not any(clip.words for clip in tests[0].clips):
        return []
    seconds = _of_clips(tests[0], lambda story, i: story.clips[i].duration)
    names = [f"{a}-{b} s" if b < np.inf else f"{a} s and more" for a, b in pairwise(SECONDS)]
    rows = [[(c, float(fits(c.narration, c.words, t.language))) for c in t.clips] for t in tests]
    return _bins(rows, lambda c: int(np.searchsorted(SECONDS, seconds[c.video, c.clip], "right")) - 1, names, seed)


def scores_by_place(
    runs: Sequence[Run], setting: str, tokenisation: str | Tokenisation | None = None, seed: int = 0
) -> dict[str, list[Bin]]:
    """Scores that each clip has of its own, by its relative position; metrics that cannot be taken are absent."""
    tests = [run.tests[setting] for run in runs]
    place = _of_clips(tests[0], lambda story, i: story.position(i))
    names = [f"{a}-{b} %" for a, b in pairwise(PLACES)]
    found = {}
    for metric in BY_PLACE:
        rows = [_clip_scores(metric, test, tokenisation) for test in tests]
        if all(rows):
            found[metric] = _bins(rows, lambda c: int(place[c.video, c.clip] // 20), names, seed)
    return found


def label_counts(runs: Sequence[Run], setting: str) -> tuple[list[float], list[float]]:
    """How often each of the 12 labels stands in the references, and in the predictions (mean over seeds)."""
    tests = [run.tests[setting] for run in runs]
    reference = [float(sum(label in (c.reference_labels or ()) for c in tests[0].clips)) for label in LABELS]
    written = [float(np.mean([sum(label in (c.labels or ()) for c in t.clips) for t in tests])) for label in LABELS]
    return reference, written


def confusion(runs: Sequence[Run], setting: str) -> NDArray[np.float64] | None:
    """`[12, 13]`: reference labels by what was predicted instead, mean over seeds; the last column is no label.

    Each label of a reference counts once: as itself where it was predicted, else in equal parts as each label that was.
    None where no labels were predicted.
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


def _of_clips(test: Test, of: Callable[[Any, int], float]) -> dict[tuple[str, int], float]:
    return {(story.id, i): of(story, i) for story in test.stories for i in range(len(story.clips))}


def _clip_scores(metric: str, test: Test, tokenisation: str | Tokenisation | None) -> Rows:
    if metric == "word_length_accuracy":
        return [(c, float(fits(c.narration, c.words, test.language))) for c in test.clips if c.words]
    if metric == "label_agreement":
        scored = [c for c in test.clips if c.reference_labels and not c.labels_given and c.labels is not None]
        return [(c, float(agree(c.labels or (), c.reference_labels or ()))) for c in scored]
    if metric == "facts":
        return _fact_scores(test)
    clips = [c for c in test.clips if c.reference]
    if len(clips) < 2:
        return []
    try:
        cut = tokenisation or DEFAULT[test.language]
        cut = tokenisation_named(cut) if isinstance(cut, str) else cut
    except InputError:  # the ids of a tokenizer that is not at hand
        return []
    hypotheses = [cut.tokens(c.narration) for c in clips]
    scores = cider_segments(hypotheses, [[cut.tokens(c.reference or "")] for c in clips])
    return [(c, float(s)) for c, s in zip(clips, scores, strict=True)]


def _fact_scores(test: Test) -> Rows:
    """A row a fact, as `vn.metrics.measures` counts them."""
    stories = {story.id: story for story in test.stories}
    checker = FactChecker(test.stories, test.language)
    labels_written = any(c.labels is not None for c in test.clips)
    rows: Rows = []
    for clip in test.clips:
        story = stories[clip.video]
        for fact in clip_facts(story, clip.clip):
            if fact.name != "label" or (labels_written and not clip.labels_given):
                rows.append((clip, float(checker.right(fact, story, clip.narration, clip.labels))))
    return rows


def _bins(rows: Sequence[Rows], bin_of: Callable[[ScoredClip], int], names: Sequence[str], seed: int) -> list[Bin]:
    videos: Mapping[str, int] = {v: i for i, v in enumerate(sorted({c.video for own in rows for c, _ in own}))}
    sums = np.zeros((len(names), len(videos), 2))
    clips: list[set[tuple[str, int]]] = [set() for _ in names]
    for own in rows:
        for clip, score in own:
            at = bin_of(clip)
            sums[at, videos[clip.video]] += [score, 1]
            clips[at].add((clip.video, clip.clip))
    found = []
    for name, own_sums, inside in zip(names, sums / len(rows), clips, strict=True):
        if not inside:
            continue
        total, count = own_sums.sum(axis=0)
        low = high = None
        if (own_sums[:, 1] > 0).sum() > 1:
            drawn = resampled(own_sums, seed)
            drawn = drawn[drawn[:, 1] > 0]  # few videos have such a clip: a resample may have none
            low, high = map(float, np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975]))
        found.append(Bin(name, len(inside), float(total / count), low, high))
    return found
