"""From stories and their videos to a folder of shards with a manifest: what ``vn prepare`` does.

    stories -> splits -> shards of N videos each -> decode, encode -> train-00000.tar ... -> manifest.json

Every shard is a pure function of its stories, their videos and the encoder, so a run that was killed resumes at
the first incomplete shard and ends in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vn.data.encoders import encoder_entry
from vn.data.feature_statistics import Sums, statistics
from vn.data.frames import FrameEncoder
from vn.data.manifest import Manifest
from vn.data.prepare_plan import PlannedShard, finder, over_budget, plan_shards, refuse_missing
from vn.data.prepare_state import PrepareState, ShardRecord
from vn.data.read_ahead import ReadAhead
from vn.data.readers.groups import group_by_file, keep_together
from vn.data.readers.source import SourceStory, Split
from vn.data.shard_entries import ShardEntry
from vn.data.shard_writer import ShardWriter
from vn.data.shot_settings import ShotSettings
from vn.data.splits import SPLITS, assign
from vn.errors import Findings, InputError
from vn.io.atomic import atomic_write

# Version of the output for the same input; raise it when decoding or writing changes. 2: stories of one video stay in
# one split. 3: times are those of a player, and dissolves and fades end shots.
VERSION = 3


@dataclass(slots=True)
class Prepared:
    """The result of `prepare`.

    Attributes:
        folder: the data folder.
        manifest: manifest of the whole folder, earlier shards included.
        encoded: videos that this run encoded; 0 if nothing was left to do.
        bad: videos that could not be used, and why.
    """

    folder: Path
    manifest: Manifest
    encoded: int
    bad: list[str]


@dataclass(frozen=True, slots=True)
class PrepareSettings:
    """How data are prepared.

    Attributes:
        videos: folder of the videos; None: they are beside the story files.
        val_share: share of train that becomes the val split, if the source has none.
        shard_size: videos per shard.
        workers: videos that are decoded and encoded in parallel; the result does not depend on it.
        max_bad: videos that may fail; above that, the rest is still encoded (for the next run), but no manifest is
            written.
        overwrite: replace data of another configuration in the folder.
        corpus: name of the stories' corpus, for the manifest.
        shots: how shots are found for stories without clips; None: the default, or as in finished data.
    """

    videos: str | Path | None = None
    val_share: float = 0.03
    shard_size: int = 64
    workers: int = 1
    max_bad: int = 0
    overwrite: bool = False
    corpus: str | None = None
    shots: ShotSettings | None = None


OnVideo = Callable[[str, int, int, InputError | None], None]
"""Called after each video with its id, its frames, the number of videos done before it (including those of
shards that were complete already), and its error if it has one."""


def prepare(
    stories: Sequence[SourceStory],
    encoder: FrameEncoder,
    folder: str | Path,
    settings: PrepareSettings | None = None,
    *,
    findings: Findings | None = None,
    bad: Sequence[InputError] = (),
    on_video: OnVideo | None = None,
) -> Prepared:
    """Encode the frames of stories and write them as shards.

    Args:
        stories: from `vn.data.readers.read`.
        encoder: gives the frame features.
        folder: folder for the shards; an interrupted run of the same configuration is resumed there.
        settings: None for the defaults.
        findings: the reader's warnings; collects those of this function.
        bad: stories that the reader could not use; they count.
        on_video: called after each video.

    Raises:
        InputError: the folder cannot be used, more bad videos than allowed (the first is named), or none is left.
    """
    settings = settings or PrepareSettings()
    shots = settings.shots or ShotSettings()
    notes = findings if findings is not None else Findings()
    folder = Path(folder)
    find = finder(Path(settings.videos) if settings.videos is not None else None)
    stories = keep_together(group_by_file(stories, find), notes)
    splits = assign(stories, settings.val_share)
    plan = plan_shards(splits, encoder, find, settings.shard_size, shots)
    refuse_missing(plan, list(map(str, bad)), settings.max_bad)
    configuration = {
        "version": VERSION,
        "encoder": encoder_entry(encoder),
        "tokens": encoder.tokens,
        "width": encoder.width,
        "stories": _hash(splits),
        "val_share": settings.val_share,
        "shard_size": settings.shard_size,
    }
    cut = any(not source.story.clips for source in stories)
    # Data finished by an earlier version stay valid, unless something else is asked for.
    earlier = [{**configuration, "version": old} for old in range(1, VERSION)]
    if cut and settings.shots is not None:
        earlier = []
    if cut:
        configuration["shots"] = shots.to_dict()
    state = PrepareState(folder, configuration, earlier)
    with state.claim(settings.overwrite):
        for shard in plan:
            shard.record = state.load(shard.name, shard.videos)
        todo = [shard for shard in plan if shard.record is None]
        if todo and state.is_earlier:
            message = f"was made by an earlier version of vn; {len(todo)} of its shards must be rebuilt and would"
            message += " not match the others: choose another folder, or add --overwrite"
            raise InputError(message, file=folder)
        if todo:
            state.unfinish()
            done = sum(len(shard.jobs) for shard in plan if shard.record)
            _encode(todo, encoder, state, settings.workers, done, on_video)
        records = {shard.name: shard.record for shard in plan if shard.record}
        failed = [*map(str, bad), *(line for record in records.values() for line in record.bad)]
        if len(failed) > settings.max_bad:
            raise InputError(over_budget(failed, settings.max_bad))
        if not any(record.entry for record in records.values()):
            raise InputError("no video could be used" + (f", the first: {failed[0]}" if failed else ""))
        for line in failed:
            notes.add(f"left out: {line}")
        for record in records.values():
            for line in record.warnings:
                notes.add(line)
        manifest = _manifest(plan, encoder, stories, notes)
        manifest.corpus = settings.corpus
        manifest.save(folder)
    return Prepared(folder, manifest, sum(len(shard.jobs) for shard in todo), failed)


def _hash(splits: Mapping[Split, list[SourceStory]]) -> str:
    text = json.dumps({s: [[x.story.to_dict(), x.group] for x in splits[s]] for s in SPLITS}, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(
    shards: list[PlannedShard],
    encoder: FrameEncoder,
    state: PrepareState,
    workers: int,
    done: int,
    on_video: OnVideo | None,
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
    plan: list[PlannedShard], encoder: FrameEncoder, stories: Sequence[SourceStory], findings: Findings
) -> Manifest:
    splits: dict[str, list[ShardEntry]] = {split: [] for split in SPLITS}
    sums = {split: Sums.zero(encoder.width) for split in SPLITS}
    for shard in plan:
        record = shard.record
        if record is not None and record.entry is not None:
            splits[shard.split].append(record.entry)
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


def _majority(values: list[str], what: str, findings: Findings) -> str:
    counts = Counter(values)
    most = min(counts, key=lambda value: (-counts[value], value))
    if len(counts) > 1:
        shares = ", ".join(f"{value}: {counts[value]}" for value in sorted(counts))
        findings.add(f"the stories mix {what} ({shares}); the manifest records {most}")
    return most
