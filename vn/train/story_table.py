"""What W&B shows of a run besides numbers: some stories with their frames, and the run's outputs as artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import lightning as L
from lightning.pytorch.loggers import WandbLogger

from vn.run_folder.story_table import Pictures, log_stories, stored_pictures, story_rows, written_files
from vn.run_folder.wandb_run import log_files
from vn.story import Language
from vn.train.datamodule import StoryDataModule
from vn.train.module import NarratorModule
from vn.train.videos import other_videos


class StoryTable(L.Callback):
    """Logs a table ``stories/<setting>``, and ``adapter-<run>`` and ``predictions-<run>`` as artifacts.

    Args:
        adapter: the adapter folder, written at the end of training.
    """

    def __init__(self, adapter: Path) -> None:
        self.adapter = adapter

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the adapter folder."""
        for run in _runs(trainer):
            self._log_adapter(run)

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log stories with their frames, and what the test wrote."""
        assert isinstance(pl_module, NarratorModule)
        assert pl_module.output is not None
        folder = pl_module.output
        for run in _runs(trainer):
            log_stories(run, folder, partial(rows_of_test, data=pl_module.data))
            if folder == self.adapter.parent:
                self._log_adapter(run)  # again, since training may have ended in an earlier process: W&B keeps one
            log_files(run, "predictions", written_files(folder))

    def _log_adapter(self, run: Any) -> None:
        if self.adapter.exists():
            log_files(run, "adapter", sorted(f for f in self.adapter.iterdir() if f.is_file()))


def rows_of_test(predictions: Path, data: StoryDataModule) -> Iterator[list[Any]]:
    """Rows of the table of stories (`vn.run_folder.story_table.story_rows`).

    Args:
        predictions: a file of predictions.
        data: the data that was tested on.
    """
    language = cast(Language, data.manifest.language)
    return story_rows(predictions, language, partial(_pictures, data=data))


def _pictures(video: str, data: StoryDataModule) -> Pictures:
    """Thumbnails of the frames that the narrator was given for a video."""
    entries = data.entries("test")
    index = entries.find(video)
    if index is None:
        return []
    given = int(other_videos(entries)[index]) if data.settings.frames == "other_video" else index
    return stored_pictures(data.folder, entries[given])


def _runs(trainer: L.Trainer) -> Iterator[Any]:
    """The W&B runs of the loggers, on the first rank."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        if isinstance(logger, WandbLogger) and not logger.experiment.disabled:
            yield logger.experiment
