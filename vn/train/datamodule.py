"""StoryDataModule: streams micro-batches of clips from WebDataset shards, in the order of `vn.data.order`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np

from vn.data.manifest import Manifest
from vn.data.order import Schedule, Steps, Videos, steps
from vn.data.samples import Samples
from vn.data.token_estimates import estimated_videos
from vn.errors import InputError
from vn.llm.rows import RowBuilder
from vn.train.fits import check_narrator
from vn.train.loader import Loader, Source
from vn.train.micro_batches import Dealer, MicroBatchReader, prepare_for
from vn.train.rows_key import open_rows
from vn.train.settings import DataSettings
from vn.train.splits import Splits
from vn.train.videos import VideoReader, longest_first, other_videos


class StoryDataModule(L.LightningDataModule):
    """Train, val and test videos from a folder that ``vn prepare`` made.

    Args:
        settings: the folder, or settings that contain it.
        changes: fields of `DataSettings` to override.

    Raises:
        InputError: there is no data folder, or a setting is out of its bounds.

    Example:
        >>> data = StoryDataModule("data/mine", clips_per_step=8)
        >>> data.manifest.language, len(data.entries("train")), len(data.schedule.epoch(0))
        ('en', 7, 3)
    """

    def __init__(self, settings: DataSettings | str | Path, **changes: Any) -> None:
        super().__init__()
        known = settings if isinstance(settings, DataSettings) else DataSettings(str(settings))
        self.settings = replace(known, **changes)
        self.folder = self.settings.open()
        self.seed = self.settings.seed or 0
        self.splits = Splits(self.folder, self.settings.limit, self.settings.evaluate_on)
        self._train: Loader | None = None
        self._waited_before = 0.0
        self._resume: tuple[int, int] | None = None
        self._epoch_began_at = 0  # the trainer's step at step 0 of the current epoch

    @property
    def manifest(self) -> Manifest:
        """The manifest of the data folder."""
        return self.splits.manifest

    @property
    def test_keys(self) -> list[str]:
        """The ids of the videos that a test narrates."""
        return self.entries("test").keys()

    @property
    def schedule(self) -> Schedule:
        """Every training step, from the manifest alone."""
        return Schedule(self.videos("train"), self.seed, self.settings.clips_per_step, self.settings.block_shards)

    def entries(self, split: str) -> Samples:
        """The manifest's entries of a split's samples; an empty split is an `InputError`."""
        return self.splits.entries(split)

    def videos(self, split: str) -> Videos:
        """A split's videos with estimated token counts, for the order of steps."""
        return estimated_videos(self.entries(split), self.manifest.tokens, self.manifest.language)

    def _identity(self) -> dict[str, Any]:
        step = self.settings.clips_per_step
        return {"seed": self.seed, "clips_per_step": step, "manifest_sha256": self.manifest.sha256}

    def state_dict(self) -> dict[str, Any]:
        """The position of training, from the trainer's step: workers run ahead of it."""
        assert self.trainer is not None
        step = self.trainer.global_step - self._epoch_began_at
        return {**self._identity(), "epoch": self.trainer.current_epoch, "step_in_epoch": step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint; refuses one with other data or another order."""
        for name, value in self._identity().items():
            if state.get(name) != value:
                message = f"the checkpoint was trained with {state.get(name)!r}, but it is now {value!r}"
                raise InputError(message, field=f"data.{name}")
        epoch, step = state["epoch"], state["step_in_epoch"]
        # After an epoch's last step, continue with the next epoch.
        self._resume = (epoch + 1, 0) if step == len(self.schedule.epoch(epoch)) else (epoch, step)

    @property
    def resumes_at(self) -> tuple[int, int]:
        """Epoch and step in it of the checkpoint that was loaded; the beginning if there was none."""
        return self._resume or (0, 0)

    def setup(self, stage: str) -> None:
        """Make the trainer request a loader in each epoch: each has its own order and number of steps."""
        if stage != "fit" or self.trainer is None:
            return
        trainer: Any = self.trainer
        if trainer.reload_dataloaders_every_n_epochs not in (0, 1):
            raise InputError(
                "must be 1: each epoch has its own order", field="trainer.reload_dataloaders_every_n_epochs"
            )
        trainer.reload_dataloaders_every_n_epochs = 1

    def train_dataloader(self) -> Loader:
        """The steps of the trainer's current epoch, from where a checkpoint left off."""
        assert self.trainer is not None
        epoch, first = self.trainer.current_epoch, 0
        plan = self.schedule.epoch(epoch)
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

    def val_dataloader(self) -> Loader | list[Any]:
        """The val split in the manifest's order; no loader if there is none."""
        if not self.splits.samples("val"):
            return []
        videos = self.videos("val")
        order = np.flatnonzero(videos.narrated)
        return self._step_loader("val", steps(videos, order, self.settings.clips_per_step), 1, 0)

    def test_dataloader(self) -> Loader:
        """The test split, video by video; each rank takes its own share, without overlap."""
        assert self.trainer is not None
        self._builder()
        entries, frame = self.entries("test"), (self.manifest.tokens, self.manifest.width)
        own = self.settings.frames == "own"
        reader = VideoReader(self.folder, entries, frame, None if own else other_videos(entries))
        mine = longest_first(entries)[self.trainer.global_rank :: self.trainer.world_size]
        source = Source(range(len(mine)), mine.item, reader.announce)
        return Loader(source, reader.read, len(mine), self.settings.workers)

    predict_dataloader = test_dataloader

    def _builder(self) -> RowBuilder:
        """The narrator's row builder, after checking that it was made for these stories and features."""
        assert self.trainer is not None
        module: Any = self.trainer.lightning_module
        check_narrator(module.assembled.card, self.manifest, self.folder)
        return cast(RowBuilder, module.assembled.builder)

    def _step_loader(self, split: str, plan: Steps, accumulate: int, first: int) -> Loader:
        assert self.trainer is not None
        entries, prepare, builder = self.entries(split), prepare_for(self.trainer), self._builder()
        videos = estimated_videos(entries, builder.frame_tokens, self.manifest.language, builder.shared_frames)
        dealer = Dealer(videos, plan, accumulate, self.trainer.global_rank, self.trainer.world_size)
        probe = split == "train" and self.settings.bad_samples > 0
        kept = open_rows(self.settings, self.splits, split, builder)
        reader = MicroBatchReader(self.folder, entries, builder, self.settings.packing, probe, prepare, kept)
        source = Source(range(first * accumulate, len(plan) * accumulate), dealer, reader.announce)
        pin = self.trainer.strategy.root_device.type == "cuda"
        return Loader(source, reader.read, len(plan) * accumulate, self.settings.workers, pin)
