"""EMScore, InfoSim and InfoDiverse of a test: the texts to embed, each once, and the numbers computed from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vn.errors import InputError
from vn.metrics import emscore as em
from vn.metrics.bootstrap import mean
from vn.metrics.content_words import EMSCORE_TAGS, ContentWords
from vn.metrics.emscore import Variant
from vn.score.clip_encoder import ClipEncoder
from vn.score.frame_vectors import FrameVectors
from vn.score.predictions import ScoredClip, Test
from vn.score.sentences import SentenceEncoder
from vn.score.sums import Measure, Measured, NotComputed, clips_by_video, coverage, of_clips, with_count
from vn.score.text_units import Defined, Released, TextUnits, vectors_of
from vn.story import Story

EMSCORE: dict[str, Variant] = {"emscore": "paper", "emscore_released": "released"}
EMSCORE_REF: dict[str, Variant] = {"emscore_ref": "paper", "emscore_ref_released": "released"}
INFO_SIM: dict[str, Variant] = {"info_sim": "paper", "info_sim_released": "released"}
INFO_DIVERSE: dict[str, Variant] = {"info_diverse": "paper", "info_diverse_released": "released"}
CHINESE_ONLY = "the released computation is one of Chinese words"


# -- EMScore ----------------------------------------------------------------------------------------------------------


def emscores(test: Test, encoder: ClipEncoder, frames: FrameVectors, on_video: Callable[[], None]) -> Measured:
    """EMScore against frames, and its mean with EMScore against the reference.

    An empty narration scores 0; the released variant skips narrations under 4 characters.

    Raises:
        InputError: weights or a video are missing.
    """
    stories = {story.id: story for story in test.stories}
    absent = next((clip.video for clip in test.clips if clip.video not in stories), None)
    if absent is not None:
        raise InputError("there is no story to assign frames to clips", sample=absent)
    words = ContentWords(test.language)  # the released evaluation uses no user dictionary for EMScore
    texts = encoder.texts(
        unit for clip in test.clips for text in _em_texts(clip) for unit in (text, *_em_words(words, text))
    )
    measured: Measured = {}
    values: dict[str, list[tuple[ScoredClip, float]]] = {name: [] for name in (*EMSCORE, *EMSCORE_REF)}
    for video, clips in clips_by_video(test).items():
        vectors, seconds = frames.of(stories[video])
        on_video()
        for clip in clips:
            for (name, variant), ref_name in zip(EMSCORE.items(), EMSCORE_REF, strict=True):
                if variant == "released" and len(clip.narration) < em.RELEASED_SHORTEST:
                    continue
                against = _frames_of(stories[video], clip.clip, vectors, seconds, variant)
                value = _against_frames(clip, words, texts, against, variant)
                values[name].append((clip, value))
                if clip.reference:
                    values[ref_name].append((clip, (value + _against_text(clip, words, texts, variant)) / 2))
    for name, variant in (EMSCORE | EMSCORE_REF).items():
        if variant == "released" and test.language != "zh":
            measured[name] = NotComputed(CHINESE_ONLY)
        elif not values[name]:
            measured[name] = NotComputed("no clip has a reference" if name in EMSCORE_REF else "no clip is long enough")
        else:
            measured[name] = _mean_of(test, values[name], words.name, variant, encoder.id)
    return measured


def _frames_of(story: Story, clip: int, vectors: np.ndarray, seconds: np.ndarray, variant: Variant) -> np.ndarray:
    from vn.visual.plan import clip_frames

    own: np.ndarray = vectors[clip_frames(seconds, story.clips[clip].start, story.clips[clip].end)]
    if variant == "released":
        own = own[em.evenly(len(own))]
    return own


def _em_texts(clip: ScoredClip) -> list[str]:
    reference = clip.reference or ""
    return [text for text in (clip.narration, reference, reference[: em.RELEASED_LONGEST]) if text]


def _em_words(words: ContentWords, text: str) -> list[str]:
    """Nouns, verbs and adjectives; if there is none the first word, or the text itself."""
    return words.tagged(text, EMSCORE_TAGS) or words.all(text)[:1] or [text]


def _against_frames(
    clip: ScoredClip, words: ContentWords, texts: dict[str, np.ndarray], frames: np.ndarray, variant: Variant
) -> float:
    if not clip.narration:
        return 0.0
    own = vectors_of(texts, _em_words(words, clip.narration))
    return em.emscore(texts[clip.narration], own, frames, variant)


def _against_text(clip: ScoredClip, words: ContentWords, texts: dict[str, np.ndarray], variant: Variant) -> float:
    if not clip.narration or not clip.reference:
        return 0.0
    reference = clip.reference[: em.RELEASED_LONGEST] if variant == "released" else clip.reference
    own, wanted = (vectors_of(texts, _em_words(words, text)) for text in (clip.narration, reference))
    return em.emscore_text(texts[clip.narration], own, texts[reference], wanted, variant)


# -- InfoSim and InfoDiverse ------------------------------------------------------------------------------------------


def no_points(test: Test) -> bool:
    """Whether there is nothing that InfoSim and InfoDiverse could compare narrations with."""
    return not any(known.points for story in test.stories for known in story.knowledge)


def information(test: Test, encoder: SentenceEncoder, words: ContentWords) -> Measured:
    """InfoSim and InfoDiverse in both variants.

    Raises:
        InputError: the encoder's weights are missing.
    """
    if no_points(test):
        return dict.fromkeys((*INFO_SIM, *INFO_DIVERSE), NotComputed("no story has knowledge about its product"))
    clips = clips_by_video(test)
    stories = [story for story in test.stories if story.id in clips]
    known = [story for story in stories if any(aspect.points for aspect in story.knowledge)]
    measured = _information(test, [Defined(s, clips[s.id], words) for s in known], encoder, words.name, "paper")
    if test.language == "zh":
        # In the release, each product has its title as a point, if nothing else.
        released = [Released(s, clips[s.id], words) for s in stories]
        measured |= _information(test, released, encoder, words.name, "released")
    for name in ("info_sim_released", "info_diverse_released"):
        measured.setdefault(name, NotComputed(CHINESE_ONLY))
    return measured


def _information(
    test: Test, telling: Sequence[TextUnits], encoder: SentenceEncoder, tokenisation: str, variant: Variant
) -> Measured:
    vectors = encoder.embed(text for each in telling for text in each.sim_texts())
    sims = [pair for each in telling for pair in each.sims(vectors)]
    if variant == "released" and sims and sims[-1][0] is [clip for each in telling for clip in each.clips][-1]:
        sims = sims[:-1]  # the program ends when it reads the last narration of its file
    vectors = encoder.embed(text for each in telling for text in each.diverse_texts())
    diverse = [(each, value) for each in telling if (value := each.diverse(vectors)) is not None]
    sim_name, diverse_name = ("info_sim", "info_diverse")
    if variant == "released":
        sim_name, diverse_name = f"{sim_name}_released", f"{diverse_name}_released"
    measured: Measured = {sim_name: NotComputed("nothing was narrated")}
    if sims:
        measured[sim_name] = _mean_of(test, sims, tokenisation, variant, encoder.id)
    measured[diverse_name] = NotComputed("no video lasts a while")
    if diverse:
        measured[diverse_name] = Measure(
            tuple(each.story.id for each, _ in diverse),
            with_count([value for _, value in diverse]),
            mean,
            tokenisation,
            variant,
            coverage(test, [clip for each, _ in diverse for clip in each.clips]),
            encoder.id,
        )
    return measured


def _mean_of(
    test: Test, values: Sequence[tuple[ScoredClip, float]], tokenisation: str, variant: str, model: str
) -> Measure:
    clips = [clip for clip, _ in values]
    return of_clips(test, clips, with_count([v for _, v in values]), mean, tokenisation, variant, model=model)
