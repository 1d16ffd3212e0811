"""Whose review of a video counts: a reviewer's latest one, and of two reviewers that of the one whom the user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vn.annotate.draft import DraftClip
from vn.annotate.results import ReviewedClip
from vn.annotate.review.review_file import OPEN, SavedClip, SavedVideo
from vn.errors import Findings, InputError

CLOSE = 1e-4  # seconds between times that are the same


@dataclass(frozen=True, slots=True)
class Review:
    """A video in a review file.

    Attributes:
        file: the file.
        reviewer: who.
        saved: when.
        video: what the file has of the video.
    """

    file: Path
    reviewer: str
    saved: str
    video: SavedVideo


@dataclass(frozen=True, slots=True)
class Chosen:
    """What counts of a video.

    Attributes:
        clips: its clips; none if nobody decided about any.
        reviewers: who decided about one.
        disagreed: about how many clips two reviewers disagree.
    """

    clips: tuple[SavedClip, ...] = ()
    reviewers: tuple[str, ...] = ()
    disagreed: int = 0


def choose(reviews: Sequence[Review], prefer: Sequence[str], findings: Findings) -> Chosen:
    """Put the reviews of one video together.

    Reviewers who left the same clips complete each other: a clip that one left open is as the other left it.

    Args:
        reviews: all reviews of the video.
        prefer: whose review counts if two disagree, the first of them that is there.
        findings: receives the files that a later one of the same reviewer replaces.

    Raises:
        InputError: two reviewers disagree, and neither of them is preferred; or two files of one reviewer were saved
            at the same time.
    """
    latest = [each for each in latest_reviews(reviews, findings) if each.video.reviewed]
    if not latest:
        return Chosen()
    latest.sort(key=lambda each: (_rank(each.reviewer, prefer), each.reviewer))
    first = latest[0]
    names = tuple(each.reviewer for each in latest)
    if all(_same_times(first.video, each.video) for each in latest[1:]):
        clips, disputed = _clip_by_clip(latest)
    else:
        clips, disputed = first.video.clips, _apart(latest)
    if not disputed:
        return Chosen(clips, names)
    for clip, one, other in disputed:
        if one.reviewer not in prefer:
            raise _disagreement(clip, one, other, len(disputed))
    return Chosen(clips, names, len(disputed))


Dispute = tuple[int, Review, Review]


def _clip_by_clip(reviews: Sequence[Review]) -> tuple[tuple[SavedClip, ...], list[Dispute]]:
    """Each clip as the first who decided about it left it, and where another one decided otherwise."""
    clips, disputed = [], []
    for i, saved in enumerate(reviews[0].video.clips):
        decided = [each for each in reviews if each.video.clips[i].state != OPEN]
        clips.append(decided[0].video.clips[i] if decided else saved)
        other = next((each for each in decided[1:] if not same(clips[-1].clip, each.video.clips[i].clip)), None)
        if other is not None:
            disputed.append((i, decided[0], other))
    return tuple(clips), disputed


def _apart(reviews: Sequence[Review]) -> list[Dispute]:
    """The clips of the first review that another one does not have in the same way."""
    first, disputed = reviews[0], []
    for i, saved in enumerate(first.video.clips):
        for other in reviews[1:]:
            if not any(same(saved.clip, each.clip) for each in other.video.clips):
                disputed.append((i, first, other))
                break
    if not disputed:  # the other one has these clips, and more
        other = next(each for each in reviews[1:] if not _same_times(first.video, each.video))
        disputed.append((len(first.video.clips) - 1, first, other))
    return disputed


def same(one: ReviewedClip, other: ReviewedClip) -> bool:
    """Whether two clips have the same times, narration and set of labels."""
    return (
        same_times(one, other) and one.narration == other.narration and set(one.labels or ()) == set(other.labels or ())
    )


def same_times(one: ReviewedClip | DraftClip, other: ReviewedClip | DraftClip) -> bool:
    """Whether two clips begin and end at the same times."""
    return abs(one.start - other.start) < CLOSE and abs(one.end - other.end) < CLOSE


def _same_times(one: SavedVideo, other: SavedVideo) -> bool:
    return len(one.clips) == len(other.clips) and all(
        same_times(a.clip, b.clip) for a, b in zip(one.clips, other.clips, strict=True)
    )


def latest_reviews(reviews: Sequence[Review], findings: Findings) -> list[Review]:
    """The last review of each reviewer: browsers save a file again as ``batch-001.ANN (1).json``."""
    found: dict[str, Review] = {}
    for each in sorted(reviews, key=lambda each: (each.saved, each.file)):
        before = found.get(each.reviewer)
        if before is not None and before.video.clips != each.video.clips:
            if before.saved == each.saved:
                message = f"{each.reviewer} saved another review of this video in {before.file.name}, at the same time"
                raise InputError(message, file=each.file, sample=each.video.video)
            findings.add(f"is replaced by {each.reviewer}'s later review in {each.file.name}", file=before.file)
        found[each.reviewer] = each
    return list(found.values())


def _rank(reviewer: str, prefer: Sequence[str]) -> int:
    return prefer.index(reviewer) if reviewer in prefer else len(prefer)


def _disagreement(clip: int, one: Review, other: Review, count: int) -> InputError:
    more = f" (and about {count - 1} more)" if count > 1 else ""
    message = (
        f"{one.reviewer} ({one.file.name}) and {other.reviewer} ({other.file.name}) disagree about "
        f"clip {clip + 1}{more}; --reviewer NAME says whose review counts"
    )
    return InputError(message, sample=one.video.video)
