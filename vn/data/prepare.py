"""From stories and their videos to a folder of shards with a manifest: what ``vn prepare`` does.

    stories -> splits -> shards of N videos each -> decode, encode -> train-00000.tar ... -> manifest.json

Every shard is a pure function of its stories, their videos and the encoder, so a run that was killed goes on with
the first shard that is not whole and ends in the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vn.data.clip_bounds import check_clips, sampled_length
from vn.data.encoders import encoder_entry
from vn.data.find_video import VideoFinder, looked_for
from vn.data.frames import FrameEncoder, FrameFeatures, join
from vn.data.manifest import Manifest, ShardEntry
from vn.data.prepare_state import PrepareState, ShardRecord, Sums
from vn.data.read_ahead import ReadAhead
from vn.data.readers.groups import group_by_file, keep_together
from vn.data.readers.source import SourceStory, Split
from vn.data.shards import ShardWriter
from vn.data.shot_settings import ShotSettings
from vn.data.splits import SPLITS, assign
from vn.data.thumbs import strip
from vn.errors import Findings, InputError
from vn.io.atomic import atomic_write
from vn.story import Clip, Story

# Of what the code makes of the same input; raise it when decoding or writing changes. 2: stories of one video stay in
# one split. 3: times are those of a player, and dissolves and fades end shots.
VERSION = 3
STD_FLOOR = 1e-6


@dataclass(slots=True)
class Prepared:
    """What a run of `prepare` made.

    Attributes:
        folder: the data folder.
        manifest: of all of it, earlier shards included.
        encoded: videos that this run encoded; 0 when there was nothing left to do.
        bad: videos that could not be used, and why.
    """

    folder: Path
    manifest: Manifest
    encoded: int
    bad: list[str]


@dataclass(slots=True)
class _Job:
    """One video on its way into a shard; `frames` runs in a thread of its own."""

    source: SourceStory
    video: Path | None
    encoder: FrameEncoder
    shots: ShotSettings
    findings: Findings = field(default_factory=Findings)
    story: Story = field(init=False)

    def __post_init__(self) -> None:
        self.story = self.source.story

    def frames(self) -> Iterator[FrameFeatures]:
        story = self.story
        if self.encoder.needs_video and self.video is None:
            raise InputError("its video is missing", file=self.source.file, sample=story.id)
        if not story.clips:
            self.story = story = with_shots(self.source, self.video, self.findings, self.shots)
        frames = join(story.id, self.encoder, self.encoder.batches(story.id, self.video, self.findings))
        beyond: set[int] = set()
        if (
            self.encoder.id != "pickles"
        ):  # whose frames are those of the clips, and say nothing about the video's length
            length = sampled_length(frames.seconds, float(self.encoder.settings["fps"]), self.video, story.clips)
            beyond = check_clips(story.clips, length, self.findings, file=self.source.file, sample=story.id)
        for i, clip in enumerate(story.clips):
            if i not in beyond and not np.any(
                (frames.seconds >= clip.start - 1e-6) & (frames.seconds < clip.end - 1e-6)
            ):
                message = f"no frame from {clip.start:g} to {clip.end:g} s; the nearest one is used"
                self.findings.add(message, sample=story.id, field=f"clips[{i}]")
        if isinstance(frames.thumbs, list):  # what waits for its turn shall be small: an hour's pictures are not
            frames.thumbs = strip(frames.thumbs)
        yield frames


@dataclass(slots=True)
class _Shard:
    """A shard to be made, or made already."""

    name: str
    split: Split
    jobs: list[_Job]
    videos: list[list[str]] = field(init=False)  # id and fingerprint
    record: ShardRecord | None = None

    def __post_init__(self) -> None:
        self.videos = [[job.story.id, job.encoder.fingerprint(job.story.id, job.video)] for job in self.jobs]


def prepare(
    stories: Sequence[SourceStory],
    encoder: FrameEncoder,
    folder: str | Path,
    *,
    videos: str | Path | None = None,
    val_share: float = 0.03,
    shard_size: int = 64,
    workers: int = 1,
    max_bad: int = 0,
    overwrite: bool = False,
    findings: Findings | None = None,
    bad: Sequence[InputError] = (),
    corpus: str | None = None,
    shots: ShotSettings | None = None,
    on_video: Callable[[str, int, int, InputError | None], None] | None = None,
) -> Prepared:
    """Encode the frames of stories and write them as shards.

    Args:
        stories: from `vn.data.readers.read`.
        encoder: gives the frame features.
        folder: where the shards go; an interrupted run of the same configuration is taken up there.
        videos: the folder of the videos; without it, they lie beside the story files.
        val_share: the val split's share of train, where the source has no val split.
        shard_size: videos a shard.
        workers: videos that are decoded and encoded side by side; the result does not depend on it.
        max_bad: videos that may fail; above that, the rest is still encoded (for the next run), but no manifest is
            written.
        overwrite: replace what another configuration left in the folder.
        findings: what the reader found; takes what is found here.
        bad: stories that the reader could not use; they count.
        corpus: name of the stories' corpus, for the manifest.
        shots: how shots are found for stories without clips; None: the usual way, or as finished data have them.
        on_video: called after every video with its id, its frames, the number of videos done before it (those of
            shards that were whole already count), and its error if it has one.

    Raises:
        InputError: the folder cannot be used, more than `max_bad` videos are bad (the first is named), or none is
            left.
    """
    notes = findings if findings is not None else Findings()
    folder = Path(folder)
    find = _finder(Path(videos) if videos is not None else None)
    stories = keep_together(group_by_file(stories, find), notes)
    splits = assign(stories, val_share)
    plan = _plan(splits, encoder, find, shard_size, shots or ShotSettings())
    _refuse_missing(plan, list(map(str, bad)), max_bad)
    configuration = {
        "version": VERSION,
        "encoder": encoder_entry(encoder),
        "tokens": encoder.tokens,
        "width": encoder.width,
        "stories": _hash(splits),
        "val_share": val_share,
        "shard_size": shard_size,
    }
    cut = any(not source.story.clips for source in stories)
    # Data that an earlier version finished are as good as they were, unless something else is asked for.
    earlier = () if cut and shots is not None else [{**configuration, "version": old} for old in range(1, VERSION)]
    if cut:
        configuration["shots"] = (shots or ShotSettings()).to_dict()
    state = PrepareState(folder, configuration, earlier)
    with state.claim(overwrite):
        for shard in plan:
            shard.record = state.load(shard.name, shard.videos)
        todo = [shard for shard in plan if shard.record is None]
        if todo and state.is_earlier:
            message = f"was made by an earlier version of vn; {len(todo)} of its shards have to be made again and would"
            message += " not go with the others: choose another folder, or add --overwrite"
            raise InputError(message, file=folder)
        if todo:
            state.unfinish()
            done = sum(len(shard.jobs) for shard in plan if shard.record)
            _encode(todo, encoder, state, workers, done, on_video)
        records = {shard.name: shard.record for shard in plan if shard.record}
        failed = [*map(str, bad), *(line for record in records.values() for line in record.bad)]
        if len(failed) > max_bad:
            raise InputError(_over_budget(failed, max_bad))
        if not any(record.entry for record in records.values()):
            raise InputError("not one video could be used" + (f", the first: {failed[0]}" if failed else ""))
        for line in failed:
            notes.add(f"left out: {line}")
        for record in records.values():
            for line in record.warnings:
                notes.add(line)
        manifest = _manifest(plan, encoder, stories, notes)
        manifest.corpus = corpus
        manifest.save(folder)
    return Prepared(folder, manifest, sum(len(shard.jobs) for shard in todo), failed)


def with_shots(
    source: SourceStory, video: Path | None, findings: Findings, settings: ShotSettings | None = None
) -> Story:
    """A story without clips, cut into the shots of its video.

    Raises:
        InputError: there is no video, or it cannot be read.
    """
    from vn.data.shots import find_shots  # decoding is needed by these stories only

    story = source.story
    if video is None:
        raise InputError("has no clips, and no video to find them in", file=source.file, sample=story.id, field="clips")
    shots = find_shots(video, findings=findings, sample=story.id, settings=settings)
    return dataclasses.replace(story, clips=tuple(Clip(start, end) for start, end in shots))


def _wanted(source: SourceStory) -> tuple[list[str], list[str]]:
    """A story's video: the file it names, or one named like its id; see `VideoFinder.find`."""
    named = [source.story.video] if source.story.video and "://" not in source.story.video else []
    return named, list(dict.fromkeys((source.story.id, source.group)))


def _finder(videos: Path | None) -> Callable[[SourceStory], Path | None]:
    """Finds the videos of stories in a folder, or beside their files."""
    finders: dict[Path, VideoFinder] = {}

    def find(source: SourceStory) -> Path | None:
        folder = videos if videos is not None else source.file.parent
        if folder not in finders:
            finders[folder] = VideoFinder(folder)
        return finders[folder].find(*_wanted(source))

    return find


def _plan(
    splits: Mapping[Split, list[SourceStory]],
    encoder: FrameEncoder,
    find: Callable[[SourceStory], Path | None],
    shard_size: int,
    shots: ShotSettings,
) -> list[_Shard]:
    plan = []
    for split in SPLITS:
        jobs = [_Job(source, find(source), encoder, shots) for source in splits[split]]
        for index, start in enumerate(range(0, len(jobs), shard_size)):
            plan.append(_Shard(f"{split}-{index:05d}", split, jobs[start : start + shard_size]))
    return plan


def _refuse_missing(plan: list[_Shard], bad: list[str], max_bad: int) -> None:
    """Videos that are not there are known at once: no need to encode the others first."""
    jobs = [job for shard in plan for job in shard.jobs]
    missing = [job for job in jobs if job.video is None and (job.encoder.needs_video or not job.story.clips)]
    if missing and len(bad) + len(missing) > max_bad:
        first = missing[0]
        raise InputError(
            f"{len(missing)} of {len(jobs)} videos are missing, the first is that of {first.story.id} "
            f"{looked_for(*_wanted(first.source))}; check --videos, or allow it with "
            f"--max-bad {len(bad) + len(missing)}",
            file=first.source.file,
        )
    if len(bad) > max_bad:
        raise InputError(_over_budget(bad, max_bad))


def _over_budget(bad: list[str], max_bad: int) -> str:
    if len(bad) == 1:
        return f"{bad[0]} (go on without it: --max-bad 1)"
    return f"{len(bad)} videos cannot be used (--max-bad allows {max_bad}), the first: {bad[0]}"


def _hash(splits: Mapping[Split, list[SourceStory]]) -> str:
    text = json.dumps({s: [[x.story.to_dict(), x.group] for x in splits[s]] for s in SPLITS}, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(
    shards: list[_Shard],
    encoder: FrameEncoder,
    state: PrepareState,
    workers: int,
    done: int,
    on_video: Callable[[str, int, int, InputError | None], None] | None,
) -> None:
    jobs = [job for shard in shards for job in shard.jobs]
    with ReadAhead([job.frames for job in jobs], threads=workers, window=4 * workers) as ahead:
        results = iter(ahead)
        for shard in shards:
            record = ShardRecord(shard.videos, None, Sums.zero(encoder.width))
            path = state.folder / f"{shard.name}.tar"
            with atomic_write(path) as file:
                writer = ShardWriter(file, path.name, 0)
                for job in shard.jobs:
                    count, error = 0, None
                    try:
                        frames = next(next(results))
                        writer.add(job.story, frames.features, frames.seconds, frames.thumbs)
                        record.sums.add(frames.features)
                        record.warnings += job.findings.lines
                        count = len(frames.seconds)
                    except InputError as failure:
                        error = failure
                        record.bad.append(str(failure))
                    if on_video:
                        on_video(job.story.id, count, done, error)
                    done += 1
                entry = writer.close()
            record.entry = entry if entry.samples else None
            if record.entry is None:
                path.unlink()
            state.save(shard.name, record)
            shard.record = record


def _manifest(
    plan: list[_Shard], encoder: FrameEncoder, stories: Sequence[SourceStory], findings: Findings
) -> Manifest:
    splits: dict[str, list[ShardEntry]] = {split: [] for split in SPLITS}
    sums = {split: Sums.zero(encoder.width) for split in SPLITS}
    for shard in plan:
        record = shard.record
        if record is not None and record.entry is not None:
            index = len(splits[shard.split])
            splits[shard.split].append(ShardEntry.from_dict(record.entry.to_dict(), index))
            sums[shard.split] += record.sums
    total = sums["train"]
    if total.count == 0:
        findings.add("the train split is empty; the feature statistics are those of all videos")
        for split in SPLITS:
            total += sums[split]
    return Manifest(
        encoder=encoder_entry(encoder),
        similarity_threshold=encoder.similarity_threshold,
        standardise=encoder.standardise,
        tokens=encoder.tokens,
        width=encoder.width,
        statistics=statistics(total),
        language=_majority([source.story.language for source in stories], "languages", findings),
        domain=_majority([source.story.domain for source in stories], "domains", findings),
        splits=splits,
        warnings=list(findings.lines),
    )


def statistics(sums: Sums) -> dict[str, np.ndarray]:
    """Mean and standard deviation of the features.

    A dimension that hardly varies in the train split (a hue that no train video shows) would blow up what another
    video has there, so no standard deviation is below a twentieth of the median one.

    Returns:
        ``mean`` and ``std``, ``[D]`` each.
    """
    mean = sums.sum / sums.count
    std = np.sqrt(np.maximum(0.0, sums.squares / sums.count - mean**2))
    return {"mean": mean, "std": np.maximum(std, max(STD_FLOOR, 0.05 * float(np.median(std))))}


def _majority(values: list[str], what: str, findings: Findings) -> str:
    counts = Counter(values)
    most = min(counts, key=lambda value: (-counts[value], value))
    if len(counts) > 1:
        shares = ", ".join(f"{value}: {counts[value]}" for value in sorted(counts))
        findings.add(f"the stories mix {what} ({shares}); the manifest says {most}")
    return most
