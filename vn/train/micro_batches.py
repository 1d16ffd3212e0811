"""Reads the units of a micro-batch from the shards, and builds its tensors; runs in loader workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.order import Steps, Unit, Videos, deal
from vn.data.samples import Samples
from vn.data.shards import announce, read_frames, read_sample, read_story
from vn.errors import InputError
from vn.io.remote import Folder
from vn.io.retries import Unreachable
from vn.llm.kernels import prepared
from vn.llm.packing import Batch, Prepare, VideoRow, collate, no_preparation, share
from vn.llm.rows import Row, RowBuilder
from vn.story import Story
from vn.train.kept_rows import KeptRows
from vn.train.settings import Packing

UNKNOWN = -1  # tokens of a video that was not read yet


def prepare_for(trainer: Any) -> Prepare:
    """What workers prepare for the attention kernel that the module's settings choose on the trainer's device."""
    chosen = trainer.lightning_module.settings.attention
    return partial(prepared, attention=chosen, device=trainer.strategy.root_device.type)


@dataclass(frozen=True, slots=True)
class MicroBatchPlan:
    """A micro-batch to read: its own units, and all videos of its step (their supervised tokens are counted)."""

    units: list[Unit]
    step: list[int]


@dataclass(frozen=True, slots=True)
class Dealer:
    """Gives the micro-batches of one process, in order.

    Attributes:
        videos: the split's videos.
        plan: the steps of an epoch.
        accumulate: micro-batches of a process per step.
        rank: number of the process.
        world: number of processes.
    """

    videos: Videos
    plan: Steps
    accumulate: int
    rank: int
    world: int

    def __call__(self, index: int) -> MicroBatchPlan:
        """The micro-batch with a number, counted over the steps of the epoch."""
        step = self.plan[index // self.accumulate]
        dealt = deal(self.videos, step, self.world * self.accumulate)
        return MicroBatchPlan(dealt[self.rank * self.accumulate + index % self.accumulate], step)


@dataclass(frozen=True, slots=True)
class Made:
    """What was read of a video.

    Attributes:
        frames: ``[F, T, D]``.
        rows: those of some clips.
        story: the video's; None if the rows were kept and it was not read.
    """

    frames: np.ndarray
    rows: list[Row]
    story: Story | None = None


class MicroBatchReader:
    """Reads the units of a micro-batch from the shards and builds its `Batch`; runs in loader workers.

    Args:
        folder: the data folder.
        entries: the split's samples.
        builder: builds rows.
        packing: see `DataSettings`.
        probe: read all videos of a step, so that each micro-batch, on any rank, can tell which of them are bad.
        prepare: makes what the attention kernel needs of a line's trees.
        kept: rows of earlier epochs; None keeps none.
    """

    def __init__(
        self,
        folder: Folder,
        entries: Samples,
        builder: RowBuilder,
        packing: Packing,
        probe: bool = False,
        prepare: Prepare = no_preparation,
        kept: KeptRows | None = None,
    ) -> None:
        self.folder = folder
        self.entries = entries
        self.builder = builder
        self.packing = packing
        self.probe = probe
        self.prepare = prepare
        self.kept = kept
        self._known = np.full(len(entries), UNKNOWN, np.int32)  # each video's supervised tokens
        self._wrong: dict[int, InputError] = {}  # videos that cannot be read, and why

    def announce(self, micro: MicroBatchPlan) -> None:
        """Have the samples of a micro-batch fetched that will be read soon, and the stories of its step."""
        if isinstance(self.folder, Path):
            return
        whole = {unit.video for unit in micro.units}
        for video in (*sorted(whole), *(video for video in micro.step if video not in whole)):
            if video in whole or self.probe or self.kept is None or self.kept.tokens(video) is None:
                entry = self.entries[video]
                announce(self.folder / entry.shard, entry, whole=self.probe or video in whole)

    def read(self, micro: MicroBatchPlan) -> Batch:
        """One micro-batch; an empty one still passes through every module, with weight 0.

        A bad video is ignored: it adds no rows to its step, and no tokens to the count that the loss is averaged over.
        """
        builder = self.builder
        made = {unit.video: found for unit in micro.units if (found := self._made(unit)) is not None}
        failed = {unit.video for unit in micro.units} - made.keys()
        tokens = {video: self._tokens(video, made.get(video), video in failed) for video in micro.step}
        bad = {video: error for video, error in tokens.items() if isinstance(error, InputError)}
        rows: list[VideoRow] = []
        videos: list[np.ndarray] = []
        for unit in micro.units:
            if unit.video in bad:
                continue
            try:
                one = made.get(unit.video) or self._make(unit.video, unit.clips)
            except Unreachable:
                raise
            except InputError as error:
                bad[unit.video] = error
                continue
            count = tokens[unit.video]
            if self.kept is not None and one.story is not None and isinstance(count, int):
                self.kept.add(unit.video, unit.clips, one.rows, count)
            rows += [(len(videos), row) for row in one.rows]
            videos.append(one.frames)
        targets = sum(count for count in tokens.values() if isinstance(count, int))
        weight = 1.0
        if not rows:
            rows, weight = [(0, builder.empty_row())], 0.0
            videos = [np.zeros((1, *builder.frame_shape), dtype=np.float16)]
        lines = share(rows) if self.packing == "tree" else rows
        batch = collate(lines, videos, builder.frame_tokens, builder.tokens.pad, targets, weight, self.prepare)
        batch.step_videos = len(micro.step) - len(bad)
        batch.bad = {self.entries[video].key: str(error) for video, error in bad.items()}
        return batch

    def _made(self, unit: Unit) -> Made | None:
        """A unit as it was kept, or made here; None if that fails, which is noted where it is tried again.

        What cannot be fetched from far away is noted here, since the server was asked twice already.
        """
        video = unit.video
        try:
            made = self._remembered(video, unit.clips)
            sample = self._sample(video) if made is None else None
        except Unreachable:
            raise
        except InputError as error:
            if not isinstance(self.folder, Path):
                self._wrong[video] = error
            return None
        try:
            return made if sample is None else self._rows(*sample, unit.clips)
        except InputError:
            return None

    def _remembered(self, video: int, clips: Sequence[int]) -> Made | None:
        """The frames of a video, whose checksum is right, and the rows that were kept of some narrated clips."""
        if self.kept is None:
            return None
        entry = self.entries[video]
        rows = self.kept.rows(video, entry.key, clips)
        frames = read_frames(self.folder / entry.shard, entry, self.builder.frame_shape) if rows else None
        return Made(frames, rows) if rows and frames is not None else None

    def _make(self, video: int, clips: Sequence[int]) -> Made:
        """The frames of a video, and the rows of some narrated clips."""
        return self._rows(*self._sample(video), clips)

    def _sample(self, video: int) -> tuple[Story, np.ndarray, np.ndarray]:
        entry = self.entries[video]
        return read_sample(self.folder / entry.shard, entry, self.builder.frame_shape)

    def _rows(self, story: Story, frames: np.ndarray, seconds: np.ndarray, clips: Sequence[int]) -> Made:
        plans = self.builder.plans(story, frames, seconds)
        return Made(frames, self.builder.training_rows(story, plans, [story.narrated[n] for n in clips]), story)

    def _tokens(self, video: int, made: Made | None, failed: bool) -> int | InputError:
        """The supervised tokens of a video, or why it cannot be read.

        Args:
            video: its number.
            made: what was made of it already.
            failed: whether that failed, so that what is kept of it is not enough.
        """
        if video in self._wrong:
            return self._wrong[video]
        if self._known[video] == UNKNOWN or failed:
            try:
                self._known[video] = self._count(video, made, failed)
            except Unreachable:  # no fault of the sample
                raise
            except InputError as error:
                self._wrong[video] = error
                return error
        return int(self._known[video])

    def _count(self, video: int, made: Made | None, failed: bool) -> int:
        entry = self.entries[video]
        everything = range(entry.narrated)
        whole = made is not None and len(made.rows) == entry.narrated
        if whole and made is not None and made.story is not None:
            return sum(len(row.supervised) for row in made.rows)
        known = None if failed or self.kept is None else self.kept.tokens(video)
        if known is not None and (whole or not self.probe or self._remembered(video, everything) is not None):
            return known
        story = made.story if made is not None else None
        if story is None:
            story = read_story(self.folder / entry.shard, entry)
        if self.probe and not whole:
            self._make(video, everything)
        return sum(self.builder.supervised_tokens(story, clip) for clip in story.narrated)
