"""StoryDataModule: streams micro-batches of clips from WebDataset shards, in the order of `vn.data.order`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import webdataset as wds
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from vn.data.manifest import Manifest, SampleEntry
from vn.data.order import Schedule, Unit, Video, deal, steps
from vn.data.shards import read_sample, read_story
from vn.errors import InputError
from vn.generation.generate import VideoInput
from vn.llm.packing import Batch, VideoRow, collate, share
from vn.llm.rows import Row, RowBuilder
from vn.train.fits import check_narrator

Packing = Literal["tree", "clip"]

# Estimates for the shipped templates; trunks of 40 real stories come out at 0.95 to 1.16 of the true ones.
INSTRUCTION_TOKENS = 150
HEADER_TOKENS = 20  # of a clip: number, word range and what leads in label and narration
WRITTEN_TOKENS = 45  # of a clip: label and narration


@dataclass(frozen=True, slots=True)
class MicroBatchPlan:
    """A micro-batch to read: its own units, and all videos of its step (their supervised tokens are counted)."""

    units: list[Unit]
    step: list[int]


class StoryDataModule(L.LightningDataModule):
    """Train, val and test videos from a folder that ``vn prepare`` made.

    Args:
        folder: the folder with ``manifest.json``.
        clips_per_step: clips of an optimizer step, whatever the ranks, workers and accumulation (the paper's 32).
        block_shards: samples mix within blocks of this many shards; None mixes all.
        workers: loader processes; 0 reads in the main process.
        seed: of the order; None takes ``seed_everything``'s.
        videos_at_once: how many a test narrates side by side; it changes nothing in them.
        frames: ``other_video`` tests every video with the frames of another of like length: a control that shows
            whether frames matter.
    """

    def __init__(
        self,
        folder: str,
        clips_per_step: int = 32,
        block_shards: int | None = None,
        workers: int = 2,
        seed: int | None = None,
        frames: Literal["own", "other_video"] = "own",
        videos_at_once: int = 16,
        packing: Packing = "tree",
        bad_samples: int = 0,
        limit: int | None = None,
        evaluate_on: Literal["own", "train"] = "own",
    ) -> None:
        super().__init__()
        if clips_per_step < 1:
            raise InputError(f"expected at least 1, got {clips_per_step}", field="data.clips_per_step")
        self.folder = Path(folder)
        self.clips_per_step = clips_per_step
        self.block_shards = block_shards
        self.workers = workers
        self.seed = 0 if seed is None else seed
        if videos_at_once < 1:
            raise InputError(f"expected at least 1, got {videos_at_once}", field="data.videos_at_once")
        self.frames = frames
        self.videos_at_once = videos_at_once
        self.packing = packing
        self.manifest = Manifest.load(self.folder)
        self.bad_samples = bad_samples
        self.limit = limit
        self.evaluate_on = evaluate_on
        self._train: _Loader | None = None
        self._waited_before = 0.0
        self._resume: tuple[int, int] | None = None
        self._epoch_began_at = 0  # the trainer's step at step 0 of the current epoch

    @property
    def test_keys(self) -> list[str]:
        """The ids of the videos that a test narrates."""
        return [entry.key for entry in self.entries("test")]

    @property
    def schedule(self) -> Schedule:
        """Every training step, from the manifest alone."""
        return Schedule(self.videos("train"), self.seed, self.clips_per_step, self.block_shards)

    def entries(self, split: str) -> list[SampleEntry]:
        """What the manifest says of a split's samples; an empty split is an `InputError`."""
        entries = self._samples(split)
        if not entries:
            raise InputError(f"the {split} split is empty", file=self.folder / "manifest.json", field=f"splits.{split}")
        return entries

    def _samples(self, split: str) -> list[SampleEntry]:
        return self.manifest.samples("train" if self.evaluate_on == "train" else split)[: self.limit]

    def videos(self, split: str) -> list[Video]:
        """The same for the order of steps."""
        return [_video(e, self.manifest.tokens, self.manifest.language) for e in self.entries(split)]

    # -- position in the checkpoint ---------------------------------------------------------------------------

    def _identity(self) -> dict[str, Any]:
        return {"seed": self.seed, "clips_per_step": self.clips_per_step, "manifest_sha256": self.manifest.sha256}

    def state_dict(self) -> dict[str, Any]:
        """Where training stands, from the trainer's step: workers run ahead of it."""
        assert self.trainer is not None
        step = self.trainer.global_step - self._epoch_began_at
        return {**self._identity(), "epoch": self.trainer.current_epoch, "step_in_epoch": step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint; refuses one of other data or another order."""
        for name, value in self._identity().items():
            if state.get(name) != value:
                raise InputError(
                    f"the checkpoint was trained with {state.get(name)!r}, now it is {value!r}", field=f"data.{name}"
                )
        epoch, step = state["epoch"], state["step_in_epoch"]
        # An epoch whose steps are all done is left behind.
        self._resume = (epoch + 1, 0) if step == len(self.schedule.epoch(epoch)) else (epoch, step)

    @property
    def resumes_at(self) -> tuple[int, int]:
        """Epoch and step in it of the checkpoint that was loaded; the beginning where none was."""
        return self._resume or (0, 0)

    # -- loaders ----------------------------------------------------------------------------------------------

    def train_dataloader(self) -> _Loader:
        """The steps of the trainer's current epoch, from where a checkpoint left off."""
        assert self.trainer is not None
        if getattr(self.trainer, "reload_dataloaders_every_n_epochs", 1) != 1:
            raise InputError(
                "must be 1: each epoch has its own order", field="trainer.reload_dataloaders_every_n_epochs"
            )
        epoch, first = self.trainer.current_epoch, 0
        schedule = self.schedule
        plan = schedule.epoch(epoch)
        if self._resume is not None and self._resume[0] == epoch:
            first = self._resume[1]
        self._resume = None
        self._epoch_began_at = self.trainer.global_step - first
        self._waited_before = self.waited
        self._train = self._step_loader("train", plan, self.trainer.accumulate_grad_batches, first)
        return self._train

    @property
    def waited(self) -> float:
        """Seconds that training has waited for its loader."""
        return self._waited_before + (self._train.waited if self._train else 0.0)

    def val_dataloader(self) -> _Loader | list[Any]:
        """The val split in the manifest's order; no loader where there is none."""
        if not self._samples("val"):
            return []
        videos = self.videos("val")
        order = [i for i, video in enumerate(videos) if video.narrated]
        return self._step_loader("val", steps(videos, order, self.clips_per_step), 1, 0)

    def test_dataloader(self) -> _Loader:
        """The test split, video by video; each rank takes its own, none twice."""
        return self._story_loader("test")

    def predict_dataloader(self) -> _Loader:
        """The same videos as `test_dataloader`."""
        return self._story_loader("test")

    def _builder(self) -> RowBuilder:
        """The narrator's builder, once it is sure that the narrator was made for these stories and features."""
        assert self.trainer is not None
        module: Any = self.trainer.lightning_module
        check_narrator(module.assembled.card, self.manifest, self.folder)
        return module.assembled.builder

    def _step_loader(self, split: str, plan: list[list[int]], accumulate: int, first: int) -> _Loader:
        assert self.trainer is not None
        rank, world = self.trainer.global_rank, self.trainer.world_size
        videos = self.videos(split)

        def micros(index: int) -> MicroBatchPlan:
            step = plan[index // accumulate]
            dealt = deal(videos, step, world * accumulate)
            return MicroBatchPlan(dealt[rank * accumulate + index % accumulate], step)

        probe = split == "train" and self.bad_samples > 0
        reader = MicroBatchReader(self.folder, self.entries(split), self._builder(), self.packing, probe)
        source = _Source(range(first * accumulate, len(plan) * accumulate), micros)
        return _Loader(source, reader.read, len(plan) * accumulate, self.workers)

    def _story_loader(self, split: str) -> _Loader:
        assert self.trainer is not None
        self._builder()
        entries = self.entries(split)
        others = other_videos(entries) if self.frames == "other_video" else list(range(len(entries)))
        folder, frame = self.folder, (self.manifest.tokens, self.manifest.width)

        def video_input(index: int) -> VideoInput | UnreadableVideo:
            try:
                story, frames, seconds = read_sample(folder / entries[index].shard, entries[index], frame)
                if others[index] != index:
                    other = entries[others[index]]
                    _, frames, seconds = read_sample(folder / other.shard, other, frame)
            except InputError as error:
                return UnreadableVideo(str(error))
            return VideoInput(story, frames, seconds)

        # The longest first: at the end, none goes on alone for long.
        order = sorted(range(len(entries)), key=lambda i: (-entries[i].clips, i))
        mine = order[self.trainer.global_rank :: self.trainer.world_size]
        return _Loader(_Source(range(len(mine)), lambda i: mine[i]), video_input, len(mine), self.workers)


@dataclass(frozen=True, slots=True)
class UnreadableVideo:
    """A video to narrate that cannot be read; the others can be narrated first.

    Attributes:
        why: a sentence that names it.
    """

    why: str


def _video(entry: SampleEntry, frame_tokens: int, language: str) -> Video:
    """Estimated tokens of a sample: all its text is shared, each clip has its pictures, memory, label and narration."""
    pictures = frame_tokens * (1 + entry.frames / max(1, entry.clips))
    text = entry.characters / (1 if language == "zh" else 4)  # a token is a character of Chinese, four of English
    trunk = INSTRUCTION_TOKENS + text + HEADER_TOKENS * entry.clips
    return Video(entry.shard_index, entry.narrated, pictures + HEADER_TOKENS + WRITTEN_TOKENS, trunk)


def other_videos(entries: list[SampleEntry]) -> list[int]:
    """For each video another one of like length: neighbours by duration change places, an odd last three go round."""
    if len(entries) < 2:
        raise InputError("frames of another video need at least two videos", field="data.frames")
    order = sorted(range(len(entries)), key=lambda i: (entries[i].seconds, entries[i].key))
    other = list(range(len(entries)))
    for a, b in zip(order[0::2], order[1::2], strict=False):
        other[a], other[b] = b, a
    if len(order) % 2:
        a, b, c = order[-3:]
        other[a], other[b], other[c] = b, c, a
    return other


class MicroBatchReader:
    """Reads the units of a micro-batch from the shards and builds its `Batch`; runs in loader workers.

    Args:
        folder: the data folder.
        entries: of the split.
        builder: builds rows.
        packing: see `StoryDataModule`.
        probe: read all videos of a step, so that each micro-batch, on any rank, knows which of them are bad.
    """

    def __init__(
        self, folder: Path, entries: list[SampleEntry], builder: RowBuilder, packing: Packing, probe: bool = False
    ) -> None:
        self.folder = folder
        self.entries = entries
        self.builder = builder
        self.packing = packing
        self.probe = probe
        self._known: dict[int, int | InputError] = {}  # video -> its supervised tokens, or what is wrong with it

    def read(self, micro: MicroBatchPlan) -> Batch:
        """One micro-batch; an empty one still passes through every module, without weight.

        A bad video counts for nothing: not for the rows of its step, and not for the tokens that the mean is over.
        """
        builder = self.builder
        tokens = {video: self._tokens(video) for video in micro.step}
        bad = {video: error for video, error in tokens.items() if isinstance(error, InputError)}
        rows: list[VideoRow] = []
        videos: list[np.ndarray] = []
        for unit in micro.units:
            if unit.video in bad:
                continue
            try:
                frames, new = self._rows(unit.video, unit.clips)
            except InputError as error:
                bad[unit.video] = error
                continue
            rows += [(len(videos), row) for row in new]
            videos.append(frames)
        targets = sum(count for count in tokens.values() if isinstance(count, int))
        if rows:
            batch = collate(
                share(rows) if self.packing == "tree" else rows,
                videos,
                builder.frame_tokens,
                builder.tokens.pad,
                targets,
            )
        else:
            blank = np.zeros((1, builder.frame_tokens, builder.width), dtype=np.float16)
            batch = collate([(0, builder.empty_row())], [blank], builder.frame_tokens, builder.tokens.pad, targets, 0.0)
        batch.step_videos = len(micro.step) - len(bad)
        batch.bad = {self.entries[video].key: str(error) for video, error in bad.items()}
        return batch

    def _rows(self, video: int, clips: Sequence[int] | None) -> tuple[np.ndarray, list[Row]]:
        """The frames of a video, and the rows of some narrated clips, or of all."""
        entry, builder = self.entries[video], self.builder
        story, frames, seconds = read_sample(self.folder / entry.shard, entry, (builder.frame_tokens, builder.width))
        narrated = story.narrated if clips is None else [story.narrated[n] for n in clips]
        return frames, [
            builder.training_row(story, builder.plan(story, frames, seconds, clip), clip) for clip in narrated
        ]

    def _tokens(self, video: int) -> int | InputError:
        if video not in self._known:
            entry = self.entries[video]
            try:
                story = read_story(self.folder / entry.shard, entry)
                if self.probe:
                    self._rows(video, None)
                self._known[video] = sum(self.builder.supervised_tokens(story, clip) for clip in story.narrated)
            except InputError as error:
                self._known[video] = error
        return self._known[video]


class _Source(IterableDataset):
    """Yields the items of this worker, so that the loader, which asks workers in turn, gives them in order."""

    def __init__(self, indices: range, item: Callable[[int], Any]) -> None:
        self.indices = indices
        self.item = item

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        mine = self.indices[worker.id :: worker.num_workers] if worker else self.indices
        return (self.item(i) for i in mine)


class _Loader:
    """A DataLoader over a `webdataset.DataPipeline`, with the right length.

    Its length is that of the whole epoch: Lightning counts batches that ran before a resume against it. It has a
    DataLoader rather than being one, since Lightning takes DataLoaders apart to inject samplers.
    """

    def __init__(self, source: _Source, read: Callable[[Any], Any], length: int, workers: int) -> None:
        def keep_errors(items: Iterator[Any]) -> Iterator[Any]:
            # A worker's error would reach the user wrapped in a traceback; so it travels as a value.
            for item in items:
                try:
                    yield read(item)
                except InputError as error:
                    yield error
                    return

        self.length = length
        self.waited = 0.0  # seconds that whoever iterates has waited for items
        pipeline = wds.DataPipeline(source, keep_errors)
        self.loader = DataLoader(pipeline, batch_size=None, num_workers=min(workers, length))

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Any]:
        items = iter(self.loader)
        while True:
            start = time.perf_counter()
            item = next(items, None)
            self.waited += time.perf_counter() - start
            if item is None:
                return
            if isinstance(item, InputError):
                raise item
            yield item
