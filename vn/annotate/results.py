"""What the stages of the annotation find out about a video: plain values, and their JSON.

These are under ``result`` in a file ``stages/STAGE/VIDEO.json``, which a person may edit: reading checks every field.
Times are in seconds on a player's clock; clips are numbered from 0. `RESULTS` has the class of each stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, Self

from vn.annotate.result_reader import ResultReader
from vn.story import Knowledge, Labels, Language

KINDS = ("speech", "silent", "no_speech", "two_languages")
ROUNDING = 2e-3  # seconds by which a clip may start before or after the end of the previous one


class Result(Protocol):
    """What all results have."""

    def to_json(self) -> dict[str, Any]:
        """The result as JSON."""

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Self:
        """Check and read it.

        Args:
            data: parsed JSON.
            where: file, named in errors.

        Raises:
            InputError: naming the field.
        """


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

    def to_json(self) -> dict[str, Any]:
        """See `Result`."""
        clips = [list(clip) for clip in self.clips]
        return {"duration": self.duration, "clips": clips, "fingerprint": list(self.fingerprint)}

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Shots:
        """See `Result`."""
        reader = ResultReader(where)
        data = reader.keys(data, ("duration", "clips", "fingerprint"), "")
        clips = []
        for i, pair in enumerate(reader.items(data.get("clips"), "clips")):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise reader.fail("expected start and end", f"clips[{i}]")
            clips.append(reader.span(pair[0], pair[1], f"clips[{i}]"))
        if not clips:
            raise reader.fail("expected at least one clip", "clips")
        for i, (before, after) in enumerate(pairwise(clips), 1):
            if abs(after[0] - before[1]) > ROUNDING:
                raise reader.fail(f"starts at {after[0]:g} s, but clip {i - 1} ends at {before[1]:g} s", f"clips[{i}]")
        prints = reader.texts(data.get("fingerprint"), "fingerprint")
        return cls(reader.seconds(data.get("duration"), "duration"), tuple(clips), prints)


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

    def to_json(self) -> dict[str, Any]:
        """See `Result`; a word is a list of text, start, end and clip."""
        words = [[word.text, word.start, word.end, word.clip] for word in self.words]
        return {"kind": self.kind, "language": self.language, "texts": list(self.texts), "words": words}

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Heard:
        """See `Result`."""
        reader = ResultReader(where)
        data = reader.keys(data, ("kind", "language", "texts", "words"), "")
        texts = reader.texts(data.get("texts"), "texts")
        words = []
        for i, item in enumerate(reader.items(data.get("words"), "words")):
            if not isinstance(item, list | tuple) or len(item) != 4:
                raise reader.fail("expected text, start, end and clip of a word", f"words[{i}]")
            text = reader.words(item[0], f"words[{i}]")
            start, end = reader.span(item[1], item[2], f"words[{i}]", empty=True)
            words.append(Word(text, start, end, reader.number(item[3], f"words[{i}]", len(texts))))
        language = None if data.get("language") is None else reader.text(data, "language")
        return cls(language, tuple(words), texts, reader.one_of(data.get("kind"), KINDS, "kind"))


@dataclass(frozen=True, slots=True)
class OnScreen:
    """Result of ``on_screen``: texts on frames, each once, in the order in which they appear."""

    texts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """See `Result`."""
        return {"texts": list(self.texts)}

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> OnScreen:
        """See `Result`."""
        reader = ResultReader(where)
        return cls(reader.texts(reader.keys(data, ("texts",), "").get("texts"), "texts"))


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

    def to_json(self) -> dict[str, Any]:
        """See `Result`; as in a product file."""
        knowledge = [{"aspect": each.aspect, "points": list(each.points)} for each in self.knowledge]
        return {"title": self.title, "knowledge": knowledge} | ({"category": self.category} if self.category else {})

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Known:
        """See `Result`."""
        reader = ResultReader(where)
        data = reader.keys(data, ("title", "knowledge", "category"), "")
        entries = []
        for i, item in enumerate(reader.items(data.get("knowledge"), "knowledge")):
            item = reader.keys(item, ("aspect", "points"), f"knowledge[{i}]")
            place = f"knowledge[{i}].points"
            points = reader.items(item.get("points"), place)
            texts = tuple(reader.text_or_number(point, f"{place}[{n}]") for n, point in enumerate(points))
            entries.append(Knowledge(reader.text(item, "aspect", f"knowledge[{i}]."), texts))
        category = None if data.get("category") is None else reader.text(data, "category")
        return cls(reader.text(data, "title"), tuple(entries), category)


@dataclass(frozen=True, slots=True)
class Refined:
    """Result of ``refine``.

    Attributes:
        texts: the narration of each clip: corrected, or as recognised where the correction was refused.
        refused: numbers of the clips whose correction was refused.
    """

    texts: tuple[str, ...]
    refused: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """See `Result`."""
        return {"texts": list(self.texts), "refused": list(self.refused)}

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Refined:
        """See `Result`."""
        reader = ResultReader(where)
        data = reader.keys(data, ("texts", "refused"), "")
        texts = reader.texts(data.get("texts"), "texts")
        refused = reader.items(data.get("refused", ()), "refused")
        return cls(texts, tuple(reader.number(each, f"refused[{i}]", len(texts)) for i, each in enumerate(refused)))


@dataclass(frozen=True, slots=True)
class Labelled:
    """Result of ``labels``: the labels of each clip; None for a clip without a narration, or without an answer."""

    labels: tuple[Labels | None, ...]

    def to_json(self, language: Language = "en") -> dict[str, Any]:
        """See `Result`; labels by name, in the story's language."""
        return {"labels": [_names(labels, language) for labels in self.labels]}

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Labelled:
        """See `Result`; names in either language."""
        reader = ResultReader(where)
        labels = reader.items(reader.keys(data, ("labels",), "").get("labels"), "labels")
        return cls(tuple(reader.labels(each, f"labels[{i}]") for i, each in enumerate(labels)))


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
        clips: the clips, which people may have split or merged; none if nobody looked at the video.
        reviewers: who looked at it.
    """

    clips: tuple[ReviewedClip, ...]
    reviewers: tuple[str, ...]

    def to_json(self, language: Language = "en") -> dict[str, Any]:
        """See `Result`; labels by name, in the story's language."""
        clips = [
            {"start": x.start, "end": x.end, "narration": x.narration, "labels": _names(x.labels, language)}
            for x in self.clips
        ]
        return {"clips": clips, "reviewers": list(self.reviewers)}

    @classmethod
    def of_json(cls, data: Any, where: object = None) -> Reviewed:
        """See `Result`; names in either language."""
        reader = ResultReader(where)
        data = reader.keys(data, ("clips", "reviewers"), "")
        clips: list[ReviewedClip] = []
        for i, item in enumerate(reader.items(data.get("clips"), "clips")):
            place = f"clips[{i}]"
            item = reader.keys(item, ("start", "end", "narration", "labels"), place)
            start, end = reader.span(item.get("start"), item.get("end"), place)
            if clips and start < clips[-1].end - ROUNDING:
                raise reader.fail(f"starts at {start:g} s, before clip {i - 1} ends", f"{place}.start")
            narration = None if item.get("narration") is None else reader.text(item, "narration", f"{place}.")
            clips.append(ReviewedClip(start, end, narration, reader.labels(item.get("labels"), f"{place}.labels")))
        reviewers = reader.texts(data.get("reviewers"), "reviewers")
        if reviewers and not clips:
            raise reader.fail("expected the clips that the reviewers left", "clips")
        return cls(tuple(clips), reviewers)


def _names(labels: Labels | None, language: Language) -> list[str] | None:
    return None if labels is None else [label.text(language) for label in labels]


RESULTS: dict[str, type[Result]] = {
    "shots": Shots,
    "speech": Heard,
    "on_screen": OnScreen,
    "knowledge": Known,
    "refine": Refined,
    "labels": Labelled,
    "review": Reviewed,
}
