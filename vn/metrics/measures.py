"""Each metric of a test as sums over videos, so that its value, interval and paired difference come from one place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vn.errors import InputError
from vn.metrics.bleu import ORDERS, bleu_of, bleu_statistics
from vn.metrics.bootstrap import Finish, mean
from vn.metrics.cider import cider_segments
from vn.metrics.facts import SOURCES, Fact, FactChecker, clip_facts
from vn.metrics.labels import agree, agree_exactly
from vn.metrics.length import fits
from vn.metrics.meteor import Matcher, meteor_of, meteor_statistics
from vn.metrics.predictions import ScoredClip, Test
from vn.metrics.repetition import Variant, story_repetition
from vn.metrics.tokenisation import DEFAULT, Tokenisation, jieba_words, ptb, tokenisation_named
from vn.story import read_text

BLEU = tuple(f"bleu_{n}" for n in range(1, ORDERS + 1))
LENGTH = "word_length_accuracy"
REPETITION: dict[str, Variant] = {"intra_repetition": "paper", "intra_repetition_released": "released"}
LABELS = {"label_agreement": agree, "label_exact": agree_exactly}
FACTS = ("facts", *(f"facts_{source}" for source in SOURCES))
METRICS = (*BLEU, "meteor", "cider", LENGTH, *REPETITION, *LABELS, *FACTS)


@dataclass(frozen=True)
class Measure:
    """A metric that can be computed.

    Attributes:
        videos: the videos it was taken on, sorted.
        sums: `[V, K]`, a row a video.
        finish: the metric of summed rows, raw scale.
        tokenisation: the name of the tokenisation, where words matter.
        variant: which computation; for the length accuracy, where the word ranges came from.
        coverage: how many clips the test has and how many of them were scored, and of those how many were empty
            (nothing was written) or missing (no prediction); and the videos.
    """

    videos: tuple[str, ...]
    sums: NDArray[np.float64]
    finish: Finish
    tokenisation: str | None
    variant: str | None
    coverage: dict[str, int]

    @property
    def value(self) -> float:
        return float(self.finish(self.sums.sum(axis=0)))


@dataclass(frozen=True)
class NotComputed:
    """A metric that has no number here, and why."""

    why: str


@dataclass(frozen=True)
class Choices:
    """How to measure.

    Attributes:
        tokenisation: of BLEU, METEOR and CIDEr; a name, or None for the language's own (en ``ptb``, zh ``char``).
        meteor: METEOR's matcher, ``exact`` or ``jar``.
        user_dictionary: words that jieba keeps whole in intra-repetition: the ``stories``' titles and points, as in
            the released evaluation, ``none``, or a file with a word a line.
    """

    tokenisation: Tokenisation | str | None = None
    meteor: Matcher = "exact"
    user_dictionary: str | Path = "stories"


Measured = dict[str, Measure | NotComputed]


def measure(
    test: Test,
    choices: Choices | None = None,
    names: Collection[str] = METRICS,
    on_step: Callable[[str], None] = lambda name: None,
) -> Measured:
    """Take metrics of a test.

    Args:
        test: what `vn.metrics.predictions.gather` gives.
        choices: how; None for the defaults.
        names: which metrics.
        on_step: called with what is taken next.

    Raises:
        InputError: a metric or tokenisation that does not exist, or a chosen resource that is not there.
    """
    choices = choices or Choices()
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise InputError(f"no metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    measured: Measured = {}
    if any(name in names for name in (*BLEU, "meteor", "cider")):
        measured |= _text(test, choices, names, on_step)
    if LENGTH in names:
        measured[LENGTH] = _length(test)
    if any(name in names for name in REPETITION):
        on_step("intra-repetition")
        measured |= _repetition(test, choices)
    measured |= _labels(test)
    if any(name in names for name in FACTS):
        on_step("facts")
        measured |= _facts(test)
    return {name: measured[name] for name in METRICS if name in names}


# -- against the reference's words ------------------------------------------------------------------------------------


def _text(test: Test, choices: Choices, names: Collection[str], on_step: Callable[[str], None]) -> Measured:
    clips = [clip for clip in test.clips if clip.reference]
    if not clips:
        return dict.fromkeys((*BLEU, "meteor", "cider"), NotComputed("no clip has a reference"))
    tokenisation = choices.tokenisation or DEFAULT[test.language]
    if isinstance(tokenisation, str):
        tokenisation = tokenisation_named(tokenisation)
    hypotheses = [tokenisation.tokens(clip.narration) for clip in clips]
    references = [[tokenisation.tokens(clip.reference or "")] for clip in clips]

    def measure_of(rows: NDArray[np.float64], finish: Finish, variant: str | None) -> Measure:
        return _measure(test, clips, rows, finish, tokenisation.name, variant)

    measured: Measured = {}
    if any(name in names for name in BLEU):
        on_step("BLEU")
        counts = bleu_statistics(hypotheses, references)
        for order, name in enumerate(BLEU):
            measured[name] = measure_of(counts, _bleu_finish(order), None)
    if "meteor" in names:
        on_step("METEOR")
        sums = meteor_statistics(hypotheses, references, choices.meteor)
        measured["meteor"] = measure_of(sums, meteor_of, choices.meteor)
    if "cider" in names:
        on_step("CIDEr")
        if len(clips) > 1:
            scores = cider_segments(hypotheses, references)
            measured["cider"] = measure_of(_with_count(scores), mean, "cider-d")
        else:
            measured["cider"] = NotComputed("document frequencies need two clips with a reference or more")
    return measured


def _bleu_finish(order: int) -> Finish:
    return lambda sums: bleu_of(sums)[..., order]


# -- without a reference's words --------------------------------------------------------------------------------------


def _length(test: Test) -> Measure | NotComputed:
    sources = sorted({clip.source for clip in test.clips if clip.words and clip.source})
    if not any(clip.words for clip in test.clips):
        return NotComputed("no prediction says its word_range")
    fit = np.array([fits(clip.narration, clip.words, test.language) for clip in test.clips], dtype=np.float64)
    return _measure(test, test.clips, _with_count(fit), mean, None, "+".join(sources) or "unknown")


def _repetition(test: Test, choices: Choices) -> Measured:
    try:
        tokenisation = _units(test, choices)
    except InputError as error:
        return dict.fromkeys(REPETITION, NotComputed(str(error)))
    stories: dict[str, list[ScoredClip]] = {}
    for clip in test.clips:
        stories.setdefault(clip.video, []).append(clip)
    measured: Measured = {}
    for name, variant in REPETITION.items():
        if variant == "released" and test.language != "zh":
            measured[name] = NotComputed("the released computation is one of Chinese words")
            continue
        rows, clips, videos = [], [], []
        for video, own in stories.items():
            units = [tokenisation.tokens(clip.narration) for clip in own]
            if variant == "paper":
                units = [[u for u in clip if any(map(str.isalnum, u))] for clip in units]  # punctuation is no word
            value = story_repetition(units, variant)
            if value is not None:
                rows.append([value, 1.0])
                videos.append(video)
                clips.extend(own)
        if rows:
            coverage = _coverage(test, clips)
            measured[name] = Measure(tuple(videos), np.array(rows), mean, tokenisation.name, variant, coverage)
        else:
            measured[name] = NotComputed("no video has two narrated clips")
    return measured


def _units(test: Test, choices: Choices) -> Tokenisation:
    if test.language == "en":
        return Tokenisation("ptb", ptb)
    if choices.user_dictionary == "none" or (choices.user_dictionary == "stories" and not test.stories):
        return jieba_words()
    if choices.user_dictionary == "stories":
        points = [point for story in test.stories for aspect in story.knowledge for point in aspect.points]
        return jieba_words([*(story.title for story in test.stories), *points], "stories")
    file = Path(choices.user_dictionary)
    return jieba_words(read_text(file).splitlines(), file.name)


def _labels(test: Test) -> Measured:
    clips = [clip for clip in test.clips if clip.reference_labels]
    why = None
    if not clips:
        why = "no clip has reference labels"
    elif any(clip.labels_given for clip in clips):
        why = "the labels were given"
    elif all(clip.labels is None for clip in clips):
        why = "no labels were predicted"
    if why:
        return dict.fromkeys(LABELS, NotComputed(why))
    measured: Measured = {}
    for name, rule in LABELS.items():
        hits = np.array([rule(c.labels or (), c.reference_labels or ()) for c in clips], dtype=np.float64)
        measured[name] = _measure(test, clips, _with_count(hits), mean, None, None, empty=lambda c: not c.labels)
    return measured


def has_facts(test: Test) -> bool:
    """Whether the stories say which facts their clips state."""
    return any(clip.facts for story in test.stories for clip in story.clips)


def _facts(test: Test) -> Measured:
    """All facts in one number, and each source's own; labels are no fact where they were given or are not written."""
    stories = {story.id: story for story in test.stories}
    checker = FactChecker(test.stories, test.language)
    labels_written = any(clip.labels is not None for clip in test.clips)
    checked: list[tuple[ScoredClip, Fact, bool]] = []
    for clip in test.clips:
        story = stories.get(clip.video)
        if story is None:
            continue
        for fact in clip_facts(story, clip.clip):
            if fact.name == "label" and (clip.labels_given or not labels_written):
                continue
            checked.append((clip, fact, checker.right(fact, story, clip.narration, clip.labels)))
    if not checked:
        return dict.fromkeys(FACTS, NotComputed("the stories do not say which facts their clips state"))
    measured: Measured = {}
    for name in FACTS:
        chosen = [(clip, hit) for clip, fact, hit in checked if name in ("facts", f"facts_{fact.source}")]
        if chosen:
            clips, hits = zip(*chosen, strict=True)
            each = _measure(test, clips, _with_count(np.array(hits, dtype=np.float64)), mean, None, None)
            # Coverage counts clips, of which one may have several facts.
            coverage = _coverage(test, {(c.video, c.clip): c for c in clips}.values()) | {"facts": len(clips)}
            measured[name] = replace(each, coverage=coverage)
        else:
            measured[name] = NotComputed("no clip has such a fact here")
    return measured


# -- sums over videos -------------------------------------------------------------------------------------------------


def _with_count(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([values, np.ones_like(values)])


def _measure(
    test: Test,
    clips: Sequence[ScoredClip],
    rows: NDArray[np.float64],
    finish: Finish,
    tokenisation: str | None,
    variant: str | None,
    empty: Callable[[ScoredClip], bool] = lambda clip: not clip.narration,
) -> Measure:
    """Rows a clip, `[N, K]`, summed to rows a video."""
    videos, place = np.unique([clip.video for clip in clips], return_inverse=True)
    sums = np.zeros((len(videos), rows.shape[1]))
    np.add.at(sums, place, rows)
    return Measure(tuple(videos.tolist()), sums, finish, tokenisation, variant, _coverage(test, clips, empty))


def _coverage(
    test: Test, clips: Iterable[ScoredClip], empty: Callable[[ScoredClip], bool] = lambda clip: not clip.narration
) -> dict[str, Any]:
    clips = list(clips)
    return {
        "clips": len(test.clips),
        "scored": len(clips),
        "empty": sum(clip.predicted and empty(clip) for clip in clips),
        "missing": sum(not clip.predicted for clip in clips),
        "videos": len({clip.video for clip in clips}),
    }
