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
from vn.data.engines import Engine, Threads
from vn.data.feature_statistics import Sums, statistics
from vn.data.frames import FrameEncoder
from vn.data.manifest import Manifest
from vn.data.prepare_plan import PlannedShard, finder, over_budget, plan_shards, refuse_missing
from vn.data.prepare_state import PrepareState
from vn.data.readers.groups import group_by_file, keep_together
from vn.data.readers.source import SourceStory, Split
from vn.data.remote_state import open_state
from vn.data.shard_entries import ShardEntry
from vn.data.shot_settings import ShotSettings
from vn.data.splits import SPLITS, assign
from vn.errors import Findings, InputError
from vn.io.remote import Folder

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

    folder: Folder
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
        max_bad: videos that may fail; above that, the rest is still encoded (for the next run), but no manifest is
            written.
        overwrite: replace data of another configuration in the folder.
        corpus: name of the stories' corpus, for the manifest.
        shots: how shots are found for stories without clips; None: the default, or as in finished data.
    """

    videos: str | Path | None = None
    val_share: float = 0.03
    shard_size: int = 64
    max_bad: int = 0
    overwrite: bool = False
    corpus: str | None = None
    shots: ShotSettings | None = None


OnVideo = Callable[[str, int, int, str | None], None]
"""Called after each video with its id, its frames, the number of videos done before it (including those of
shards that were complete already), and why it could not be used, if so."""


def prepare(
    stories: Sequence[SourceStory],
    encoder: FrameEncoder,
    folder: str | Path,
    settings: PrepareSettings | None = None,
    *,
    findings: Findings | None = None,
    bad: Sequence[InputError] = (),
    on_video: OnVideo | None = None,
    engine: Engine | None = None,
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
        engine: what encodes and writes; the result does not depend on it. None: this process, with one thread.

    Raises:
        InputError: the folder cannot be used, more bad videos than allowed (the first is named), or none is left.
    """
    settings = settings or PrepareSettings()
    notes = findings if findings is not None else Findings()
    plan = make_plan(stories, encoder, folder, settings, notes, bad)
    with plan.state.claim(settings.overwrite):
        todo = plan.open_shards(encoder)
        if todo:
            plan.state.unfinish()
            write(plan, todo, encoder, engine or Threads(), on_video)
        failed = plan.failed(settings.max_bad)
        records = [shard.record for shard in plan.shards if shard.record]
        if not any(record.entry for record in records):
            raise InputError("no video could be used" + (f", the first: {failed[0]}" if failed else ""))
        for line in failed:
            notes.add(f"left out: {line}")
        for record in records:
            for line in record.warnings:
                notes.add(line)
        manifest = _manifest(plan, encoder, notes)
        manifest.corpus = settings.corpus
        plan.state.finish(manifest)
    return Prepared(plan.state.place, manifest, sum(len(shard.jobs) for shard in todo), failed)


def prepare_part(
    plan: Plan,
    encoder: FrameEncoder,
    part: tuple[int, int],
    max_bad: int = 0,
    on_video: OnVideo | None = None,
    engine: Engine | None = None,
) -> int:
    """Write one part of the shards and no manifest, while other processes write the others; then call `prepare`.

    Args:
        plan: from `make_plan`, with the arguments that `prepare` will get.
        encoder: gives the frame features.
        part: number of the part, from 0, and the number of parts.
        max_bad: see `PrepareSettings`.
        on_video: called after each video.
        engine: see `prepare`.

    Returns:
        The videos that this call encoded.

    Raises:
        InputError: the folder cannot be used, or more videos of this part are bad than allowed.
    """
    with plan.state.join(*part):
        todo = plan.open_shards(encoder, *part)
        if todo:
            plan.state.unfinish()
            write(plan, todo, encoder, engine or Threads(), on_video)
        plan.failed(max_bad)
    return sum(len(shard.jobs) for shard in todo)


@dataclass(slots=True)
class Plan:
    """All shards of a data folder, and the folder's state.

    Attributes:
        shards: in the order of the splits and of their stories.
        stories: the stories in them.
        state: who may write.
        bad: stories that the reader could not use.
    """

    shards: list[PlannedShard]
    stories: list[SourceStory]
    state: PrepareState
    bad: list[str]

    def part(self, part: int, parts: int) -> list[PlannedShard]:
        """The shards of one of several parts: each part has every `parts`-th shard."""
        return self.shards[part::parts]

    def open_shards(self, encoder: FrameEncoder, part: int = 0, parts: int = 1) -> list[PlannedShard]:
        """The shards of a part that are not complete, in a folder that is claimed.

        Args:
            encoder: fingerprints the videos.
            part: number of the part, from 0.
            parts: how many there are.

        Raises:
            InputError: the folder's other shards are of an earlier version.
        """
        ours = self.part(part, parts)
        for shard in ours:
            shard.look(encoder, self.state.records)
        todo = [shard for shard in ours if shard.record is None]
        if todo and self.state.is_earlier:
            message = f"was made by an earlier version of vn; {len(todo)} of its shards must be rebuilt and would"
            message += " not match the others: choose another folder, or add --overwrite"
            raise InputError(message, file=self.state.place)
        return todo

    def failed(self, max_bad: int) -> list[str]:
        """The videos of complete shards that could not be used; raises if they are more than `max_bad`."""
        failed = [*self.bad, *(line for shard in self.shards if shard.record for line in shard.record.bad)]
        if len(failed) > max_bad:
            raise InputError(over_budget(failed, max_bad))
        return failed


def make_plan(
    stories: Sequence[SourceStory],
    encoder: FrameEncoder,
    folder: str | Path,
    settings: PrepareSettings,
    findings: Findings,
    bad: Sequence[InputError] = (),
) -> Plan:
    """Plan the shards; the arguments are those of `prepare`. No video is decoded, and nothing is written.

    Raises:
        InputError: more videos are missing than allowed.
    """
    shots = settings.shots or ShotSettings()
    find = finder(Path(settings.videos) if settings.videos is not None else None)
    stories = keep_together(group_by_file(stories, find), findings)
    splits = assign(stories, settings.val_share)
    shards = plan_shards(splits, find, settings.shard_size, shots)
    refuse_missing(shards, encoder, list(map(str, bad)), settings.max_bad)
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
    return Plan(shards, list(stories), open_state(folder, configuration, earlier), list(map(str, bad)))


def write(
    plan: Plan, todo: Sequence[PlannedShard], encoder: FrameEncoder, engine: Engine, on_video: OnVideo | None
) -> None:
    """Write open shards with an engine, and count the videos."""
    done = sum(len(shard.jobs) for shard in plan.shards if shard.record)

    def count(sample: str, frames: int, fault: str | None) -> None:
        nonlocal done
        if on_video:
            on_video(sample, frames, done, fault)
        done += 1

    engine.write(todo, encoder, plan.state.records, count)


def _hash(splits: Mapping[Split, list[SourceStory]]) -> str:
    text = json.dumps({s: [[x.story.to_dict(), x.group] for x in splits[s]] for s in SPLITS}, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _manifest(plan: Plan, encoder: FrameEncoder, findings: Findings) -> Manifest:
    splits: dict[str, list[ShardEntry]] = {split: [] for split in SPLITS}
    sums = {split: Sums.zero(encoder.width) for split in SPLITS}
    for shard in plan.shards:
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
        language=_majority([source.story.language for source in plan.stories], "languages", findings),
        domain=_majority([source.story.domain for source in plan.stories], "domains", findings),
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
