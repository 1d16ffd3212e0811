"""The stage ``review``: what people saved with the pages, or in Label Studio, put in place of the machine's result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

from vn.annotate.draft import Draft, draft_of, result_of
from vn.annotate.results import Reviewed, ReviewedClip, Shots
from vn.annotate.review import batches
from vn.annotate.review.choose import Chosen, Review, choose, latest_reviews, same, same_times
from vn.annotate.review.drafts import content_of
from vn.annotate.review.review_file import OPEN, SKIPPED, ReviewFile, SavedClip, SavedVideo, read_review
from vn.annotate.stage import Before, Made, RawVideo
from vn.annotate.stage_file import digest
from vn.data.readers.groups import listing
from vn.errors import Findings, InputError, did_you_mean

NAMES = 5  # reviewers who are named in an error
LATE = 0.25  # seconds by which a clip may end after the video, whose last frame's length is a guess


class ReviewStage:
    """Reads what reviewers saved.

    Clips that nobody decided about keep the machine's text and labels, and are counted.

    Args:
        folder: where the review files are, ``*.json``; it may be missing.
        prefer: whose review counts if two reviewers disagree, the first of them that is there.
        videos: ids of all videos of the command, to find files of others; None: they are not looked for.

    Attributes:
        name: see `vn.annotate.stage.Stage`.
        needs: see there.
        reads: see there.
        key: a hash of all files; `key_for` has that of the files of one video.
        findings: names the videos of the files that are not here.

    Raises:
        InputError: a file is not a review file, or a field of it is wrong; it is about other videos only; or nobody
            whom `prefer` names has saved one.
    """

    name = "review"
    needs: tuple[str, ...] = ("shots", "speech", "refine", "labels")
    reads: tuple[str, ...] = ("language",)

    def __init__(self, folder: Path, prefer: Sequence[str] = (), videos: Collection[str] | None = None) -> None:
        self._prefer = tuple(prefer)
        self._files = read_reviews(folder)
        self.findings = Findings()
        if videos is not None:
            for each in self._files:
                _check_videos(each, videos, self.findings)
        reviewers = {each.reviewer for each in self._files}
        for name in prefer:
            if name not in reviewers:
                raise InputError(without_review(name, reviewers), field="--reviewer")
        self.key = digest([self._key(video) for video in sorted({v for each in self._files for v in each.videos})])

    def key_for(self, video: RawVideo) -> str:
        """What the result of one video depends on: its reviews, and whose counts."""
        return self._key(video.id)

    def _key(self, video: str) -> str:
        own = [[each.reviewer, each.saved, repr(each.videos[video])] for each in self._files if video in each.videos]
        return digest([own, self._prefer])

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """Does nothing: reviews are read one by one."""

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """The review of a video; see `vn.annotate.stage.Stage`.

        Raises:
            InputError: a review is about another draft than the present one, or a clip is not within the video; or
                reviewers disagree.
        """
        own = [
            Review(each.file, each.reviewer, each.saved, each.videos[video.id])
            for each in self._files
            if video.id in each.videos
        ]
        draft = draft_of(video, {stage: result for stage, result in before.items() if stage != self.name})
        chosen = choose(own, self._prefer, findings)
        counts: Counter[str] = Counter()
        if not chosen.reviewers:
            counts["clips not reviewed"] = len(draft.clips)
            _name_typed(own, chosen, draft, findings)
            return Made(Reviewed((), ()).to_json(), counts=dict(counts))
        shots = result_of(before, Shots)
        assert shots is not None  # draft_of has read it
        for each in own:
            if each.reviewer in chosen.reviewers:
                _check(each.file, each.video, draft, shots.duration)
        clips = _with_machine(chosen, draft, counts)
        _name_typed(own, chosen, draft, findings)
        return Made(Reviewed(clips, chosen.reviewers).to_json(video.language), counts=dict(counts))

    def report(self) -> dict[str, float]:
        """How many review files there are."""
        return {"review files": len(self._files)}


def read_reviews(folder: Path) -> list[ReviewFile]:
    """All review files of a folder; those of the pages themselves are left out."""
    if not folder.is_dir():
        return []
    return [read_review(file) for file in sorted(folder.glob("*.json")) if file.name != batches.FILE]


def without_review(name: str, reviewers: Collection[str]) -> str:
    """What is wrong with the name of somebody who has saved no review; names those who have.

    >>> without_review("Zoe", ["zoe@example.org"])
    "'Zoe' has saved no review; there are those of zoe@example.org"
    """
    those = f"; there are those of {listing(sorted(reviewers), NAMES)}" if reviewers else ""
    return f"{name!r} has saved no review{did_you_mean(name, reviewers)}{those}"


def _check_videos(review: ReviewFile, videos: Collection[str], strangers: Findings) -> None:
    others = [video for video in review.videos if video not in videos]
    if others and len(others) == len(review.videos):
        raise InputError(f"is of another batch: none of its videos ({others[0]!r} ...) is here", file=review.file)
    for video in others:
        strangers.add("there is no such video", file=review.file, sample=video)


def _check(file: Path, saved: SavedVideo, draft: Draft, duration: float) -> None:
    if saved.content != content_of(draft):
        message = (
            "reviews another draft of this video than the present one: a stage has run again since; "
            "write the page again (vn review page) and review the video there, or bring the earlier results back"
        )
        raise InputError(message, file=file, sample=draft.video.id, field=f"{saved.field}.content")
    last = len(saved.clips) - 1
    if saved.clips[last].clip.end > duration + LATE:
        message = f"ends at {saved.clips[last].clip.end:g} s, but the video at {duration:g} s"
        raise InputError(message, file=file, sample=draft.video.id, field=f"{saved.field}.clips[{last}].end")


def _with_machine(chosen: Chosen, draft: Draft, counts: Counter[str]) -> tuple[ReviewedClip, ...]:
    """The clips, those that nobody decided about as the machine left them; counts what happened to each."""
    clips = []
    for saved in chosen.clips:
        machine = _machine(saved, draft)
        if saved.state == OPEN:
            counts["clips not reviewed"] += 1
            clips.append(machine or saved.clip)
            continue
        clips.append(saved.clip)
        counts["clips reviewed"] += 1
        counts["clips left without narration"] += saved.state == SKIPPED
        counts["clips with other times"] += machine is None
        counts["clips with another narration"] += machine is not None and machine.narration != saved.clip.narration
        labels = None if machine is None else set(machine.labels or ())
        counts["clips with other labels"] += labels is not None and labels != set(saved.clip.labels or ())
    counts["clips about which reviewers disagree"] += chosen.disagreed
    return tuple(clips)


def _name_typed(reviews: Sequence[Review], chosen: Chosen, draft: Draft, findings: Findings) -> None:
    """Warn about clips that somebody changed and nobody decided about: what was typed there is not used."""
    typed: set[tuple[float, float]] = set()
    for each in latest_reviews(reviews, Findings()):
        if each.video.content != content_of(draft):  # an earlier draft, which differs by itself
            continue
        for saved in each.video.clips:
            machine = _machine(saved, draft)
            changed = (
                saved.clip not in [x.clip for x in chosen.clips] if machine is None else not same(saved.clip, machine)
            )
            if saved.state == OPEN and changed and not _decided(saved, chosen):
                typed.add((round(saved.clip.start, 3), round(saved.clip.end, 3)))
    if typed:
        were, keep = ("clip was", "it keeps") if len(typed) == 1 else ("clips were", "they keep")
        message = f"{len(typed)} {were} changed but not accepted: {keep} the machine's text and labels"
        findings.add(message, sample=draft.video.id)


def _decided(saved: SavedClip, chosen: Chosen) -> bool:
    """Whether somebody decided about a clip with these times."""
    return any(each.state != OPEN and same_times(each.clip, saved.clip) for each in chosen.clips)


def _machine(saved: SavedClip, draft: Draft) -> ReviewedClip | None:
    """The machine's clip with the same times, if there is one."""
    for clip in draft.clips:
        if same_times(clip, saved.clip):
            narration = clip.narration
            return ReviewedClip(clip.start, clip.end, narration, clip.labels if narration is not None else None)
    return None
