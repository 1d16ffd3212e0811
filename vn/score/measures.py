"""All metrics of a test, each as sums over videos (`vn.score.sums`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from vn.errors import Findings, InputError
from vn.io.files import read_text
from vn.metrics.bootstrap import mean
from vn.metrics.content_words import ContentWords, content_words
from vn.metrics.facts import SOURCES, Fact, FactChecker, clip_facts
from vn.metrics.labels import agree, agree_exactly
from vn.metrics.length import fits
from vn.metrics.repetition import Variant, story_repetition
from vn.metrics.user_dictionary import CHOICES, UserDictionary, note_unused, user_dictionary
from vn.score.predictions import ScoredClip, Test
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure, Measured, NotComputed, clips_by_video, coverage, of_clips, with_count
from vn.score.text_measures import TEXT, TEXT_RELEASED, measure_text

LENGTH = "word_length_accuracy"
REPETITION: dict[str, Variant] = {"intra_repetition": "paper", "intra_repetition_released": "released"}
LABELS = {"label_agreement": agree, "label_exact": agree_exactly}
FACTS = ("facts", *(f"facts_{source}" for source in SOURCES))
EMSCORES = ("emscore", "emscore_released", "emscore_ref", "emscore_ref_released")
INFORMATION = ("info_sim", "info_sim_released", "info_diverse", "info_diverse_released")
JUDGED = ("script_label_accuracy", "script_label_exact")
Keep = Callable[[str, Callable[[Findings], Measured]], Measured]
METRICS = (*TEXT, *TEXT_RELEASED, *EMSCORES, *INFORMATION, LENGTH, *JUDGED, *REPETITION, *LABELS, *FACTS)


def measure(
    test: Test,
    settings: ScoreSettings | None = None,
    names: Collection[str] = METRICS,
    on_step: Callable[[str], None] = lambda name: None,
    findings: Findings | None = None,
    keep: Keep | None = None,
) -> Measured:
    """Compute metrics of a test.

    Args:
        test: what `vn.score.predictions.gather` gives.
        settings: how to measure; None for the defaults.
        names: which metrics.
        on_step: called with what is computed next.
        findings: takes user words that have no effect, and answers of a judge that are not labels.
        keep: takes each group of metrics by its name, or finds it in a cache, as `vn.score.kept_measures.KeptMeasures`
            does; None to measure everything.

    Raises:
        InputError: a metric or tokenisation that does not exist, or a chosen resource that is not there.
    """
    settings = settings or ScoreSettings()
    unknown = [name for name in names if name not in METRICS]
    if unknown:
        raise InputError(f"no metric {unknown[0]!r}; there are {', '.join(METRICS)}")
    if settings.user_dictionary not in CHOICES:
        read_text(settings.user_dictionary)  # check that it exists
    found = findings if findings is not None else Findings()
    keep = keep or (lambda group, take: take(found))
    measured: Measured = {}
    if any(name in names for name in (*TEXT, *TEXT_RELEASED)):
        measured |= keep("text", lambda _: measure_text(test, settings, names, on_step))
    if any(name in names for name in (*EMSCORES, *INFORMATION, *JUDGED)):
        measured |= _with_models(test, settings, names, on_step, found, keep)
    measured |= keep("alone", lambda found: _alone(test, settings, names, on_step, found))
    return {name: measured[name] for name in METRICS if name in names}


# -- without a reference's words --------------------------------------------------------------------------------------


def _alone(
    test: Test, settings: ScoreSettings, names: Collection[str], on_step: Callable[[str], None], findings: Findings
) -> Measured:
    measured: Measured = {}
    if LENGTH in names:
        measured[LENGTH] = _length(test)
    if any(name in names for name in REPETITION):
        on_step("intra-repetition")
        measured |= _repetition(test, settings, findings)
    measured |= _labels(test)
    if any(name in names for name in FACTS):
        on_step("facts")
        measured |= _facts(test)
    return measured


def _length(test: Test) -> Measure | NotComputed:
    sources = sorted({clip.source for clip in test.clips if clip.words and clip.source})
    if not any(clip.words for clip in test.clips):
        return NotComputed("no prediction has a word_range")
    fit = np.array([fits(clip.narration, clip.words, test.language) for clip in test.clips], dtype=np.float64)
    return of_clips(test, test.clips, with_count(fit), mean, None, "+".join(sources) or "unknown")


def _repetition(test: Test, settings: ScoreSettings, findings: Findings) -> Measured:
    try:
        words = _words(test, settings, findings)
    except InputError as error:  # there is no jieba
        return dict.fromkeys(REPETITION, NotComputed(str(error)))
    stories = clips_by_video(test)
    measured: Measured = {}
    for name, variant in REPETITION.items():
        if variant == "released" and test.language != "zh":
            measured[name] = NotComputed("the released computation is one of Chinese words")
            continue
        rows, clips, videos = [], [], []
        for video, own in stories.items():
            if variant == "released":
                units = [[word for word, _ in words.cut(clip.narration)] for clip in own]
            else:
                units = [words.units(clip.narration) for clip in own]
            value = story_repetition(units, variant)
            if value is not None:
                rows.append([value, 1.0])
                videos.append(video)
                clips.extend(own)
        if rows:
            measured[name] = Measure(tuple(videos), np.array(rows), mean, words.name, variant, coverage(test, clips))
        else:
            measured[name] = NotComputed("no video has two narrated clips")
    return measured


def _words(test: Test, settings: ScoreSettings, findings: Findings) -> ContentWords:
    """The word segmenter of narrations; in Chinese with the user dictionary, whose useless words are listed."""
    if test.language != "zh":
        return content_words(test.language, UserDictionary("none"))
    dictionary = user_dictionary(settings.user_dictionary, test.stories)
    words = content_words("zh", dictionary)
    note_unused(dictionary, words.tokenizer, words.tagger, findings)
    return words


# -- with encoders and judges -----------------------------------------------------------------------------------------


def _with_models(
    test: Test,
    settings: ScoreSettings,
    names: Collection[str],
    on_step: Callable[[str], None],
    findings: Findings,
    keep: Keep,
) -> Measured:
    """The metrics that need an encoder or a judge; without it, why there is no number."""
    with_them = settings.models

    def emscores() -> Measured:
        from vn.score.embedded import emscores

        encoder, frames = with_them.clip()
        return emscores(test, encoder, frames, lambda: on_step("EMScore"))

    def information() -> Measured:
        from vn.score.embedded import information, no_points

        encoder = with_them.sentences(test.language)
        group = "information" if no_points(test) else f"information {encoder.key}"  # without points nothing is embedded
        return keep(group, lambda found: information(test, encoder, _words(test, settings, found)))

    def judged() -> Measured:
        from vn.score.judged import NOT_GIVEN, script_labels

        if not any(clip.asked for clip in test.clips):
            return dict.fromkeys(JUDGED, NotComputed(NOT_GIVEN))
        first, second = with_them.judges(test.language)

        def on_answer(done: int, of: int) -> None:
            on_step(f"judging {done} of {of}")

        return script_labels(test, first, second, with_them.cache, findings, on_answer)

    measured: Measured = {}
    for group, what, take in (
        (EMSCORES, "EMScore", emscores),
        (INFORMATION, "InfoSim and InfoDiverse", information),
        (JUDGED, "script labels", judged),
    ):
        if any(name in names for name in group):
            on_step(what)
            try:
                measured |= take()
            except InputError as error:
                measured |= dict.fromkeys(group, NotComputed(str(error)))
    return measured


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
    counted = coverage(test, clips, lambda clip: not clip.labels)
    measured: Measured = {}
    for name, rule in LABELS.items():
        hits = np.array([rule(c.labels or (), c.reference_labels or ()) for c in clips], dtype=np.float64)
        measured[name] = replace(of_clips(test, clips, with_count(hits), mean), coverage=counted)
    return measured


def has_facts(test: Test) -> bool:
    """Whether the stories list the facts that their clips state."""
    return any(clip.facts for story in test.stories for clip in story.clips)


def _facts(test: Test) -> Measured:
    """All facts in one number, and each source's; labels are not facts if they were given or are not written."""
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
        return dict.fromkeys(FACTS, NotComputed("the stories do not list the facts that their clips state"))
    measured: Measured = {}
    for name in FACTS:
        chosen = [(clip, hit) for clip, fact, hit in checked if name in ("facts", f"facts_{fact.source}")]
        if chosen:
            clips, hits = zip(*chosen, strict=True)
            each = of_clips(test, clips, with_count(np.array(hits, dtype=np.float64)), mean)
            # Coverage counts clips, of which one may have several facts.
            counted = coverage(test, {(c.video, c.clip): c for c in clips}.values()) | {"facts": len(clips)}
            measured[name] = replace(each, coverage=counted)
        else:
            measured[name] = NotComputed("no clip has such a fact here")
    return measured
