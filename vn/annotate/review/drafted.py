"""What a reviewer gets of a video: its clips as the machine left them, with what to look at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vn.annotate.stage import Before, Mark, RawVideo
from vn.story import Knowledge, Labels, Language, parse_labels


@dataclass(frozen=True, slots=True)
class DraftedClip:
    """A clip as the stages left it.

    Attributes:
        start: seconds on a player's clock.
        end: seconds.
        heard: what was recognised; empty if nothing was.
        narration: the corrected text, or what was recognised.
        labels: script labels; empty if it has none.
        marks: what a person should look at.
    """

    start: float
    end: float
    heard: str
    narration: str
    labels: Labels
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Drafted:
    """A video with its clips.

    Attributes:
        id: the story's id.
        file: the video.
        sha256: hash of the file.
        language: language of its speech.
        title: what it is about; the id if that is not known.
        knowledge: what is known about it.
        clips: the clips in order.
        marks: what concerns the whole video.
    """

    id: str
    file: Path
    sha256: str
    language: Language
    title: str
    knowledge: tuple[Knowledge, ...]
    clips: tuple[DraftedClip, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def content(self) -> str:
        """A hash of what is reviewed: if a stage runs again and gives something else, earlier reviews do not fit."""
        clips = [
            [clip.start, clip.end, clip.heard, clip.narration, [label.name for label in clip.labels]]
            for clip in self.clips
        ]
        return content_hash([self.id, self.sha256, clips])


def drafted_of(video: RawVideo, before: Before, marks: Sequence[Mark] = ()) -> Drafted:
    """The draft of a video from the results of the stages that it has.

    Args:
        video: the video.
        before: the stages' results; ``shots`` must be there.
        marks: the stages' marks.
    """
    spans = [(float(start), float(end)) for start, end in before["shots"]["clips"]]
    nothing = [""] * len(spans)
    heard = list(before.get("speech", {}).get("texts", nothing))
    texts = list(before.get("refine", {}).get("texts", heard))
    labels = list(before.get("labels", {}).get("labels", [None] * len(spans)))
    clips = [
        DraftedClip(*span, heard[i], texts[i], _labels(labels[i]), tuple(mark for mark in marks if mark.clip == i))
        for i, span in enumerate(spans)
    ]
    known = before.get("knowledge", {})
    product = video.product
    knowledge = tuple(Knowledge(each["aspect"], tuple(each["points"])) for each in known.get("knowledge", ()))
    return Drafted(
        video.id,
        video.file,
        video.sha256,
        video.language,
        known.get("title") or (product.title if product else video.id),
        knowledge or (product.knowledge if product else ()),
        tuple(clips),
        tuple(mark for mark in marks if mark.clip is None),
    )


def _labels(names: str | list[str] | None) -> Labels:
    return parse_labels(names) if names else ()


def content_hash(value: object) -> str:
    """A short hash of a JSON value.

    >>> content_hash({"a": 1})
    '015abd7f5cc57a2d'
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
