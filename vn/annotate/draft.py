"""The story of a video as far as it is: what the stages found out, put together clip by clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from vn.annotate.results import RESULTS, Heard, Known, Labelled, OnScreen, Refined, Result, Reviewed, Shots
from vn.annotate.stage import Before, Mark, RawVideo
from vn.errors import InputError
from vn.story import Clip, Knowledge, Labels, Story

R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class DraftClip:
    """A clip as far as it is.

    Attributes:
        start: in seconds.
        end: in seconds.
        recognised: what was recognised in it; None if nothing was.
        narration: its narration: as reviewed, refined or recognised, the latest of these; None if it has none.
        labels: its script labels, if it has any.
        marks: what a person should look at; none after a review.
    """

    start: float
    end: float
    recognised: str | None = None
    narration: str | None = None
    labels: Labels | None = None
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A story as far as it is.

    Attributes:
        video: the video.
        title: the product's title; the video's id if nothing is known about it.
        knowledge: what is known about the product.
        category: kind of product, if that is known.
        clips: the clips, at least one.
        on_screen: texts on frames.
        marks: what a person should look at that concerns the whole video.
        reviewers: who reviewed it.
    """

    video: RawVideo
    title: str
    knowledge: tuple[Knowledge, ...]
    category: str | None
    clips: tuple[DraftClip, ...]
    on_screen: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    reviewers: tuple[str, ...] = ()

    @property
    def marked(self) -> tuple[int, ...]:
        """The numbers of the clips that have marks."""
        return tuple(i for i, clip in enumerate(self.clips) if clip.marks)

    def story(self) -> Story:
        """The story to train on, with the video's absolute path."""
        video = self.video
        domain = video.product.domain if video.product else "ad"
        clips = tuple(Clip(x.start, x.end, x.labels, x.narration) for x in self.clips)
        file = str(video.file.absolute())
        return Story(video.id, self.title, video.language, domain, self.knowledge, clips, file, self.category)


def draft_of(video: RawVideo, before: Before, marks: Mapping[str, Sequence[Mark]] | None = None) -> Draft:
    """Put the results of the stages together.

    Args:
        video: the video.
        before: results by stage, at least those of ``shots``; with ``review``, the draft is as the reviewers left it.
        marks: marks by stage; a review leaves out those of clips.

    Raises:
        InputError: there is no result of ``shots``; a result is damaged; or two of them are of other clips.
    """
    shots = result_of(before, Shots)
    if shots is None:
        raise InputError("has no shots yet; begin with --from shots", sample=video.id)
    heard, refined, labelled = result_of(before, Heard), result_of(before, Refined), result_of(before, Labelled)
    count = len(shots.clips)
    recognised = _each("speech", video, heard.texts if heard else None, count)
    narrations = _each("refine", video, refined.texts, count) if refined else recognised
    labels = _each("labels", video, labelled.labels if labelled else None, count)
    known = _known(video, result_of(before, Known))
    screen = result_of(before, OnScreen)
    every = [mark for each in (marks or {}).values() for mark in each]
    clips = tuple(
        DraftClip(
            start,
            end,
            recognised[i] or None,
            narrations[i] or None,
            labels[i],
            tuple(mark for mark in every if mark.clip == i),
        )
        for i, (start, end) in enumerate(shots.clips)
    )
    whole = tuple(mark for mark in every if mark.clip is None)
    draft = Draft(video, known.title, known.knowledge, known.category, clips, screen.texts if screen else (), whole)
    reviewed = result_of(before, Reviewed)
    return draft if reviewed is None or not reviewed.reviewers else _reviewed(draft, reviewed, heard)


def result_of(before: Before, kind: type[R], where: object = None) -> R | None:
    """The result of a stage, checked; None if there is none.

    Args:
        before: results by stage.
        kind: a class of `vn.annotate.results`.
        where: file, named in errors; None: the stage's name is.

    Raises:
        InputError: it is damaged.
    """
    stage = next(name for name, each in RESULTS.items() if each is kind)
    if stage not in before:
        return None
    return kind.of_json(before[stage], where if where is not None else f"the result of {stage}")


def _each(stage: str, video: RawVideo, values: Iterable[Any] | None, count: int) -> list[Any]:
    """A value per clip."""
    if values is None:
        return [None] * count
    found = list(values)
    if len(found) != count:
        message = f"the result of {stage} is for {len(found)} clips, but there are {count}; repeat with --from {stage}"
        raise InputError(message, sample=video.id)
    return found


def _known(video: RawVideo, known: Known | None) -> Known:
    if known is not None:
        return known
    product = video.product
    return Known(product.title, product.knowledge, product.category) if product else Known(video.id, ())


def _reviewed(draft: Draft, reviewed: Reviewed, heard: Heard | None) -> Draft:
    """The draft as reviewers left it; recognised words go to the clip that holds their middle."""
    words = heard.words if heard else ()
    joint = "" if draft.video.language == "zh" else " "
    clips = []
    for clip in reviewed.clips:
        inside = [word.text for word in words if clip.start <= (word.start + word.end) / 2 < clip.end]
        clips.append(DraftClip(clip.start, clip.end, joint.join(inside) or None, clip.narration, clip.labels))
    return replace(draft, clips=tuple(clips), reviewers=reviewed.reviewers)
