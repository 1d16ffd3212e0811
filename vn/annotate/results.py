"""What the stages of the annotation find out about a video: plain values, and their JSON.

These are under ``result`` in a file ``stages/STAGE/VIDEO.json``, which a person may edit: reading checks every field.
Times are in seconds on a player's clock; clips are numbered from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from vn.story import Knowledge, Labels


@dataclass(frozen=True, slots=True)
class Shots:
    """Result of ``shots``.

    Attributes:
        duration: end of the last frame.
        clips: start and end of each clip, without gaps.
        fingerprint: perceptual hashes of some frames, in hexadecimal digits.
    """

    duration: float
    clips: tuple[tuple[float, float], ...]
    fingerprint: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was recognised; `clip` is the one that holds its middle."""

    text: str
    start: float
    end: float
    clip: int


@dataclass(frozen=True, slots=True)
class Heard:
    """Result of ``speech``.

    Attributes:
        language: language of the speech, as recognised; None if there is no speech.
        words: the words, in order.
        texts: what is spoken in each clip; empty if nothing is.
        kind: ``speech``, ``silent`` (no sound), ``no_speech`` (only music or noise) or ``two_languages``.
    """

    language: str | None
    words: tuple[Word, ...]
    texts: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class OnScreen:
    """Result of ``on_screen``: texts on frames, each once, in the order in which they appear."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Result of ``knowledge``.

    Attributes:
        title: the product's title.
        knowledge: its aspects and points.
        category: kind of product, if that is known.
    """

    title: str
    knowledge: tuple[Knowledge, ...]
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Refined:
    """Result of ``refine``.

    Attributes:
        texts: the narration of each clip: corrected, or as recognised where the correction was refused.
        refused: numbers of the clips whose correction was refused.
    """

    texts: tuple[str, ...]
    refused: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Labelled:
    """Result of ``labels``: the labels of each clip; None for a clip without a narration, or without an answer."""

    labels: tuple[Labels | None, ...]


@dataclass(frozen=True, slots=True)
class ReviewedClip:
    """A clip as people left it; `narration` is None if it has none or was skipped."""

    start: float
    end: float
    narration: str | None
    labels: Labels | None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """Result of ``review``.

    Attributes:
        clips: the clips, which people may have split or merged.
        reviewers: who looked at it.
    """

    clips: tuple[ReviewedClip, ...]
    reviewers: tuple[str, ...]
