"""EMScore, InfoSim and InfoDiverse of a test: which texts are embedded, each once, and the numbers made of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vn.errors import InputError
from vn.metrics import emscore as em
from vn.metrics import information as info
from vn.metrics.bootstrap import mean
from vn.metrics.clip_encoder import ClipEncoder
from vn.metrics.content_words import EMSCORE_TAGS, INFORMATION_TAGS, ContentWords
from vn.metrics.emscore import Variant
from vn.metrics.frame_vectors import FrameVectors
from vn.metrics.predictions import ScoredClip, Test
from vn.metrics.sentences import SentenceEncoder
from vn.metrics.sums import Measure, Measured, NotComputed, coverage, of_clips, with_count
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
        raise InputError("there is no story to say which frames are whose", sample=absent)
    words = ContentWords(test.language)  # the released evaluation gives EMScore no user dictionary
    texts = encoder.texts(
        unit for clip in test.clips for text in _em_texts(clip) for unit in (text, *_em_words(words, text))
    )
    measured: Measured = {}
    values: dict[str, list[tuple[ScoredClip, float]]] = {name: [] for name in (*EMSCORE, *EMSCORE_REF)}
    for video in dict.fromkeys(clip.video for clip in test.clips):
        vectors, seconds = frames.of(stories[video])
        on_video()
        for clip in (c for c in test.clips if c.video == video):
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

    own = vectors[clip_frames(seconds, story.clips[clip].start, story.clips[clip].end)]
    return own[em.evenly(len(own))] if variant == "released" else own


def _em_texts(clip: ScoredClip) -> list[str]:
    reference = clip.reference or ""
    return [text for text in (clip.narration, reference, reference[: em.RELEASED_LONGEST]) if text]


def _em_words(words: ContentWords, text: str) -> list[str]:
    """Nouns, verbs and adjectives; where there is none the first word, or the text itself."""
    return words.tagged(text, EMSCORE_TAGS) or words.all(text)[:1] or [text]


def _against_frames(
    clip: ScoredClip, words: ContentWords, texts: dict[str, np.ndarray], frames: np.ndarray, variant: Variant
) -> float:
    if not clip.narration:
        return 0.0
    own = _vectors(texts, _em_words(words, clip.narration))
    return em.emscore(texts[clip.narration], own, frames, variant)


def _against_text(clip: ScoredClip, words: ContentWords, texts: dict[str, np.ndarray], variant: Variant) -> float:
    if not clip.narration or not clip.reference:
        return 0.0
    reference = clip.reference[: em.RELEASED_LONGEST] if variant == "released" else clip.reference
    own, wanted = (_vectors(texts, _em_words(words, text)) for text in (clip.narration, reference))
    return em.emscore_text(texts[clip.narration], own, texts[reference], wanted, variant)


# -- InfoSim and InfoDiverse ------------------------------------------------------------------------------------------


def information(test: Test, encoder: SentenceEncoder, words: ContentWords) -> Measured:
    """InfoSim and InfoDiverse in both variants.

    Raises:
        InputError: the encoder's weights are missing.
    """
    stories = [story for story in test.stories if any(known.points for known in story.knowledge)]
    clips = {story.id: [clip for clip in test.clips if clip.video == story.id] for story in stories}
    stories = [story for story in stories if clips[story.id]]
    if not stories:
        return dict.fromkeys((*INFO_SIM, *INFO_DIVERSE), NotComputed("no story says what is known about its product"))
    measured: Measured = {}
    for variant in ("paper", "released") if test.language == "zh" else ("paper",):
        telling = [_Telling(story, clips[story.id], words, variant) for story in stories]
        vectors = encoder.embed(text for each in telling for text in each.texts())
        sims = [pair for each in telling for pair in each.sims(vectors)]
        diverse = [(each, value) for each in telling if (value := each.diverse(vectors)) is not None]
        if variant == "released":
            sims = sims[:-1]  # the released program never scores the last narration of its file
        name = "info_sim" if variant == "paper" else "info_sim_released"
        measured[name] = (
            _mean_of(test, sims, words.name, variant, encoder.id) if sims else NotComputed("nothing was narrated")
        )
        name = "info_diverse" if variant == "paper" else "info_diverse_released"
        measured[name] = (
            Measure(
                tuple(each.story.id for each, _ in diverse),
                with_count([value for _, value in diverse]),
                mean,
                words.name,
                variant,
                coverage(test, [clip for each, _ in diverse for clip in each.clips]),
                encoder.id,
            )
            if diverse
            else NotComputed("no video lasts a while")
        )
    for name in ("info_sim_released", "info_diverse_released"):
        measured.setdefault(name, NotComputed(CHINESE_ONLY))
    return measured


class _Telling:
    """The units of one story's narrations and the points of its product, as texts, in one of the variants."""

    def __init__(self, story: Story, clips: Sequence[ScoredClip], words: ContentWords, variant: Variant) -> None:
        self.story, self.clips, self.released = story, clips, variant == "released"
        points = [point for known in story.knowledge for point in known.points]
        if self.released:
            shown = [story.title, *(point.split(" ")[0] for point in points)]
            title, *points = (text.split("】")[-1].strip() for text in shown)
            self.points = [p for p in points if len(p) > 1]
            self.sim_points = [p for p in (title, *self.points) if len(p) > 1]
        else:
            self.points = self.sim_points = points
        self.narrated = [clip for clip in clips if clip.narration]
        self.sentences = {clip.clip: self._sentence(clip.narration) for clip in self.narrated}
        self.words: dict[int, list[str]] = {}
        for clip in self.narrated:
            own = words.tagged(clip.narration, INFORMATION_TAGS) if self.released else words.all(clip.narration)
            self.words[clip.clip] = own or [self.sentences[clip.clip]]

    def texts(self) -> list[str]:
        """All that is embedded."""
        return [
            *self.sim_points,
            *self.points,
            *self.sentences.values(),
            *(w for own in self.words.values() for w in own),
        ]

    def sims(self, vectors: dict[str, np.ndarray]) -> list[tuple[ScoredClip, float]]:
        """InfoSim of each clip; an empty narration tells nothing, and the released program does not see it."""
        if not self.sim_points:
            return []
        points = _vectors(vectors, self.sim_points)
        found = []
        for clip in self.clips:
            if clip.narration:
                own = _vectors(vectors, self.words[clip.clip])
                found.append((clip, info.info_sim(vectors[self.sentences[clip.clip]], own, points)))
            elif not self.released:
                found.append((clip, 0.0))
        return found

    def diverse(self, vectors: dict[str, np.ndarray]) -> float | None:
        """Points told a second; None for a video without duration."""
        units = (
            self._released_units()
            if self.released
            else [*self.sentences.values(), *(w for own in self.words.values() for w in own)]
        )
        told = info.points_told_released if self.released else info.points_told
        if self.released:
            seconds = sum(self.story.clips[clip.clip].duration for clip in self.narrated)
        else:
            seconds = max((clip.end for clip in self.story.clips), default=0.0)
        if seconds <= 0:
            return None
        return told(_vectors(vectors, units), _vectors(vectors, self.points)) / seconds

    def _sentence(self, narration: str) -> str:
        return f"{narration[: info.RELEASED_LONGEST]}。" if self.released else narration

    def _released_units(self) -> list[str]:
        """Distinct words of more than one character; a sentence only where it adds none."""
        units: list[str] = []
        for number, own in self.words.items():
            new = [w for w in dict.fromkeys(own) if len(w) > 1 and w not in units]
            units.extend(new or [self.sentences[number]])
        return units


def _vectors(of: dict[str, np.ndarray], texts: Sequence[str]) -> np.ndarray:
    return np.stack([of[text] for text in texts]) if texts else np.zeros((0, 1), dtype=np.float32)


def _mean_of(
    test: Test, values: Sequence[tuple[ScoredClip, float]], tokenisation: str, variant: str, model: str
) -> Measure:
    clips = [clip for clip, _ in values]
    return of_clips(test, clips, with_count([v for _, v in values]), mean, tokenisation, variant, model=model)
