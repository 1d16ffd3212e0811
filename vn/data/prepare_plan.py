"""The plan of ``vn prepare``: the work for each video, and its shard; nothing is decoded yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vn.data.clip_bounds import check_clips, sampled_length
from vn.data.feature_statistics import Sums
from vn.data.find_video import VideoFinder, looked_for
from vn.data.frames import FrameEncoder, FrameFeatures, join
from vn.data.readers.source import SourceStory, Split
from vn.data.shard_records import Records, ShardRecord
from vn.data.shot_settings import ShotSettings
from vn.data.splits import SPLITS
from vn.data.thumbs import strip
from vn.errors import Findings, InputError
from vn.story import Clip, Story


@dataclass(frozen=True, slots=True)
class EncodedVideo:
    """A video, ready to be written into its shard.

    Attributes:
        story: the story, with clips.
        frames: all its frames; thumbnails are a strip.
        sums: sums of their features.
        warnings: what there is to know about the video.
    """

    story: Story
    frames: FrameFeatures
    sums: Sums
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class VideoJob:
    """The work for one video of a shard: plain values, so that any process can do it."""

    source: SourceStory
    video: Path | None
    shots: ShotSettings

    def encode(self, encoder: FrameEncoder) -> EncodedVideo:
        """Decode and encode the whole video; the story gets clips if it has none.

        Raises:
            InputError: the video is missing or cannot be read.
        """
        story, findings = self.source.story, Findings()
        if encoder.needs_video and self.video is None:
            raise InputError("its video is missing", file=self.source.file, sample=story.id)
        if not story.clips:
            story = with_shots(self.source, self.video, findings, self.shots)
        frames = join(story.id, encoder, encoder.batches(story.id, self.video, findings))
        beyond: set[int] = set()
        # Pickles have the clips' frames only, so they do not give the video's length.
        if encoder.id != "pickles":
            length = sampled_length(frames.seconds, float(encoder.settings["fps"]), self.video, story.clips)
            beyond = check_clips(story.clips, length, findings, file=self.source.file, sample=story.id)
        for i, clip in enumerate(story.clips):
            if i not in beyond and not np.any(
                (frames.seconds >= clip.start - 1e-6) & (frames.seconds < clip.end - 1e-6)
            ):
                message = f"no frame from {clip.start:g} to {clip.end:g} s; the nearest one is used"
                findings.add(message, sample=story.id, field=f"clips[{i}]")
        if isinstance(frames.thumbs, list):  # results wait in memory: an hour of thumbnails as a JPEG is small
            frames.thumbs = strip(frames.thumbs)
        sums = Sums.zero(encoder.width)
        sums.add(frames.features)
        return EncodedVideo(story, frames, sums, findings.lines)


@dataclass(slots=True)
class PlannedShard:
    """A shard that is to be written, or is complete already.

    Attributes:
        name: its file's name, without ``.tar``.
        split: the split that it is part of.
        jobs: its videos, in order.
        videos: id and fingerprint of each; empty until `look` is called.
        record: its record, once it is complete.
    """

    name: str
    split: Split
    jobs: list[VideoJob]
    videos: list[list[str]] = field(default_factory=list)
    record: ShardRecord | None = None

    def look(self, encoder: FrameEncoder, records: Records) -> None:
        """Fingerprint the videos, and take the shard's record if it is complete."""
        self.videos = fingerprints(self.jobs, encoder)
        self.record = records.load(self.name, self.videos)


def fingerprints(jobs: Sequence[VideoJob], encoder: FrameEncoder) -> list[list[str]]:
    """Id and fingerprint of each video, as this machine sees it now."""
    return [[job.source.story.id, encoder.fingerprint(job.source.story.id, job.video)] for job in jobs]


def with_shots(
    source: SourceStory, video: Path | None, findings: Findings, settings: ShotSettings | None = None
) -> Story:
    """A story without clips, cut into the shots of its video.

    Raises:
        InputError: there is no video, or it cannot be read.
    """
    from vn.data.shots import find_shots  # only such stories need decoding

    story = source.story
    if video is None:
        raise InputError("has no clips, and no video to find them in", file=source.file, sample=story.id, field="clips")
    shots = find_shots(video, findings=findings, sample=story.id, settings=settings)
    return dataclasses.replace(story, clips=tuple(Clip(start, end) for start, end in shots))


def plan_shards(
    splits: Mapping[Split, list[SourceStory]],
    find: Callable[[SourceStory], Path | None],
    shard_size: int,
    shots: ShotSettings,
) -> list[PlannedShard]:
    """Shards of at most `shard_size` videos, in the order of the splits and of their stories."""
    plan = []
    for split in SPLITS:
        jobs = [VideoJob(source, find(source), shots) for source in splits[split]]
        for index, start in enumerate(range(0, len(jobs), shard_size)):
            plan.append(PlannedShard(f"{split}-{index:05d}", split, jobs[start : start + shard_size]))
    return plan


def refuse_missing(plan: list[PlannedShard], encoder: FrameEncoder, bad: list[str], max_bad: int) -> None:
    """Raise if more than `max_bad` videos are missing or bad: this is known before any video is encoded."""
    jobs = [job for shard in plan for job in shard.jobs]
    missing = [job for job in jobs if job.video is None and (encoder.needs_video or not job.source.story.clips)]
    if missing and len(bad) + len(missing) > max_bad:
        first = missing[0]
        raise InputError(
            f"{len(missing)} of {len(jobs)} videos are missing, the first is that of {first.source.story.id} "
            f"{looked_for(*_wanted(first.source))}; check --videos, or allow it with "
            f"--max-bad {len(bad) + len(missing)}",
            file=first.source.file,
        )
    if len(bad) > max_bad:
        raise InputError(over_budget(bad, max_bad))


def over_budget(bad: list[str], max_bad: int) -> str:
    """The message for more bad videos than `max_bad`."""
    if len(bad) == 1:
        return f"{bad[0]} (leave it out with --max-bad 1)"
    return f"{len(bad)} videos cannot be used (--max-bad allows {max_bad}), the first: {bad[0]}"


def _wanted(source: SourceStory) -> tuple[list[str], list[str]]:
    """The names of a story's video: the file it names, or one named like its id; see `VideoFinder.find`."""
    named = [source.story.video] if source.story.video and "://" not in source.story.video else []
    return named, list(dict.fromkeys((source.story.id, source.group)))


def finder(videos: Path | None) -> Callable[[SourceStory], Path | None]:
    """A function that finds the videos of stories in a folder, or beside their files."""
    finders: dict[Path, VideoFinder] = {}

    def find(source: SourceStory) -> Path | None:
        folder = videos if videos is not None else source.file.parent
        if folder not in finders:
            finders[folder] = VideoFinder(folder)
        return finders[folder].find(*_wanted(source))

    return find
