"""What InfoSim and InfoDiverse compare in one story: the texts of its narrations and of its product's points.

One class per variant, since the authors' program differs from the definition in nearly every text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from vn.metrics import information as info
from vn.metrics.content_words import INFORMATION_TAGS, ContentWords
from vn.score.predictions import ScoredClip
from vn.story import Story

Vectors = dict[str, np.ndarray]


class TextUnits(Protocol):
    """A story's texts, and its numbers once they are embedded."""

    story: Story
    clips: Sequence[ScoredClip]

    def sim_texts(self) -> list[str]:
        """Everything that InfoSim embeds: each narration with its words, then the points."""

    def diverse_texts(self) -> list[str]:
        """Everything that InfoDiverse embeds: units of the narrations, then the points."""

    def sims(self, vectors: Vectors) -> list[tuple[ScoredClip, float]]:
        """InfoSim of each clip that has one."""

    def diverse(self, vectors: Vectors) -> float | None:
        """InfoDiverse: points covered per second; None if there is no such number."""


class Defined:
    """The definition: all points, all words.

    Args:
        story: a story with at least one point.
        clips: its clips in order.
        words: segments narrations into words.
    """

    def __init__(self, story: Story, clips: Sequence[ScoredClip], words: ContentWords) -> None:
        self.story, self.clips = story, clips
        # The points of all aspects together: one that two aspects have is one point.
        self.points = list(dict.fromkeys(point for known in story.knowledge for point in known.points))
        self.units = {c.clip: [c.narration, *(words.all(c.narration) or [c.narration])] for c in clips if c.narration}

    def sim_texts(self) -> list[str]:
        """The texts that InfoSim embeds."""
        return [*(unit for own in self.units.values() for unit in own), *self.points]

    diverse_texts = sim_texts

    def sims(self, vectors: Vectors) -> list[tuple[ScoredClip, float]]:
        """InfoSim of each clip; an empty narration has 0."""
        points = vectors_of(vectors, self.points)
        found = []
        for clip in self.clips:
            own = vectors_of(vectors, self.units.get(clip.clip, ()))
            found.append((clip, info.info_sim(own[0], own[1:], points) if len(own) else 0.0))
        return found

    def diverse(self, vectors: Vectors) -> float | None:
        """InfoDiverse; None for a video without duration."""
        seconds = max((clip.end for clip in self.story.clips), default=0.0)
        if seconds <= 0:
            return None
        units = [unit for own in self.units.values() for unit in own]
        return info.points_told(vectors_of(vectors, units), vectors_of(vectors, self.points)) / seconds


class Released:
    """The authors' programs (docs/method.md#released-evaluation).

    Args:
        story: its title is a point of InfoSim, but not of InfoDiverse.
        clips: its clips in order; one without a prediction is not in the programs' input.
        words: segments narrations into words.
    """

    def __init__(self, story: Story, clips: Sequence[ScoredClip], words: ContentWords) -> None:
        self.story = story
        self.clips: Sequence[ScoredClip] = [clip for clip in clips if clip.predicted]
        title = _behind_bracket(story.title)
        points = [point for known in story.knowledge for point in known.points]
        self.points = [_key(text) for text in dict.fromkeys(points) if text != title]
        self.sim_points = [point for point in (_key(title), *self.points) if len(point) > 1]
        self.sentences = {clip.clip: _sentence(clip.narration, words) for clip in self.clips if clip.narration}
        self.units = _units([clip.narration for clip in self.clips], words)

    def sim_texts(self) -> list[str]:
        """The texts that InfoSim embeds."""
        return [*(text for own in self.sentences.values() for text in own), *self.sim_points]

    def diverse_texts(self) -> list[str]:
        """The texts that InfoDiverse embeds."""
        return [*self.units, *self.points]

    def sims(self, vectors: Vectors) -> list[tuple[ScoredClip, float]]:
        """InfoSim of each clip; empty narrations have none."""
        if not self.sim_points:
            return []
        points = vectors_of(vectors, self.sim_points)
        found = []
        for clip in self.clips:
            if clip.clip in self.sentences:
                own = vectors_of(vectors, self.sentences[clip.clip])
                found.append((clip, info.info_sim(own[0], own[1:], points)))
        return found

    def diverse(self, vectors: Vectors) -> float | None:
        """InfoDiverse; None for a story without predictions or without duration."""
        if not self.clips:
            return None
        told = info.points_told_released(vectors_of(vectors, self.units), vectors_of(vectors, self.points))
        seconds = sum(abs(self.story.clips[clip.clip].duration) for clip in self.clips)
        if not told:
            return 0.0
        return told / seconds if seconds else None


def _behind_bracket(text: str) -> str:
    """The text after the first ``】``, up to the next one."""
    return text.split("】")[1] if "】" in text else text


def _key(text: str) -> str:
    """A point as the programs embed it: after the first ``】``, then up to the first space.

    >>> _key("【限时 福利】礼盒 大"), _key("新款 杯子")
    ('礼盒', '新款')
    """
    return _behind_bracket(text).split(" ")[0]


def _sentence(narration: str, words: ContentWords) -> list[str]:
    """The sentence that InfoSim embeds, and its words; the sentence again if it has none."""
    whole = narration if narration.endswith("。") else f"{narration}。"
    sentence = whole[: info.RELEASED_LONGEST]
    return [sentence, *([word for word, tag in words.cut(whole) if tag in INFORMATION_TAGS] or [sentence])]


def _units(narrations: Sequence[str], words: ContentWords) -> list[str]:
    """InfoDiverse's units: new words of two characters or more; a narration that adds none, as it is."""
    units: list[str] = []
    for narration in narrations:
        own = dict.fromkeys(word for word, _ in words.cut(narration) if len(word) != 1)
        units.extend([word for word in own if word not in units] or [narration])
    return units


def vectors_of(vectors: Vectors, texts: Sequence[str]) -> np.ndarray:
    """The vectors `[N, D]` of texts; `[0, 1]` of none."""
    return np.stack([vectors[text] for text in texts]) if texts else np.zeros((0, 1), dtype=np.float32)
