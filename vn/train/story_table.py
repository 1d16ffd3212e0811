"""What W&B shows of a run besides numbers: some stories with their frames, and the run's outputs as artifacts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import lightning as L
import numpy as np
from lightning.pytorch.loggers import WandbLogger

from vn.data.shards import read_sample, read_thumbs
from vn.metrics.length import fits
from vn.score.predictions import read_lines
from vn.story import Language, WordRange, count_words
from vn.train.datamodule import StoryDataModule
from vn.train.module import NarratorModule
from vn.train.videos import other_videos

VIDEOS = 8  # videos of the test split in the table of stories
PICTURES = 4  # frames per clip
COLUMNS = (
    *("video", "clip", "start", "end", "frames", "label", "narration"),
    *("reference label", "reference", "words", "range", "in range"),
)
ARTIFACT = ("predictions.*.jsonl", "stories.jsonl", "scores.json", "config.yaml")


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
            for file in sorted(folder.glob("predictions.*.jsonl")):
                setting = file.name.split(".")[1]
                rows = list(story_rows(file, pl_module.data))
                run.log({f"stories/{setting}": _table(rows)})
            if folder == self.adapter.parent:
                self._log_adapter(run)  # again, since training may have ended in an earlier process: W&B keeps one
            _log_artifact(run, "predictions", [f for glob in ARTIFACT for f in sorted(folder.glob(glob))])

    def _log_adapter(self, run: Any) -> None:
        if self.adapter.exists():
            _log_artifact(run, "adapter", sorted(f for f in self.adapter.iterdir() if f.is_file()))


def story_rows(predictions: Path, data: StoryDataModule) -> Iterator[list[Any]]:
    """Rows of the table of stories, `COLUMNS`; the frames side by side as ``[96, w, 3]`` uint8, or None.

    Args:
        predictions: a file of predictions.
        data: the data that was tested on.
    """
    language = cast(Language, data.manifest.language)
    lines = read_lines(predictions)
    shown = list(dict.fromkeys(line["video"] for line in lines))[:VIDEOS]
    pictures = {video: _pictures(video, data) for video in shown}
    for line in lines:
        if line["video"] not in pictures:
            continue
        low, high = line["word_range"]
        yield [
            line["video"],
            line["clip"] + 1,  # as in prompts
            line["start"],
            line["end"],
            _of_clip(pictures[line["video"]], line["start"], line["end"]),
            " + ".join(line["labels"] or ()),
            line["narration"],
            " + ".join(line["reference_labels"] or ()),
            line["reference"] or "",
            count_words(line["narration"], language),
            f"{low}-{high}",
            fits(line["narration"], WordRange(low, high), language),
        ]


Pictures = list[tuple[float, np.ndarray]]


def _pictures(video: str, data: StoryDataModule) -> Pictures:
    """Thumbnails of the frames that the narrator was given for a video, with their seconds; empty if not stored."""
    entries = data.entries("test")
    index = entries.find(video)
    if index is None:
        return []
    entry = entries[int(other_videos(entries)[index]) if data.settings.frames == "other_video" else index]
    thumbs = read_thumbs(data.folder / entry.shard, entry)
    if thumbs is None:
        return []
    _, _, seconds = read_sample(data.folder / entry.shard, entry)
    return list(zip(seconds.tolist(), thumbs, strict=True))


def _of_clip(pictures: Pictures, start: float, end: float) -> np.ndarray | None:
    """Some evenly spaced frames of a clip, side by side."""
    inside = [picture for second, picture in pictures if start <= second < end]
    if not inside:
        return None
    chosen = sorted({round(x) for x in np.linspace(0, len(inside) - 1, min(PICTURES, len(inside)))})
    return np.concatenate([inside[i] for i in chosen], axis=1)


def _table(rows: list[list[Any]]) -> Any:
    import wandb

    place = COLUMNS.index("frames")
    for row in rows:
        row[place] = None if row[place] is None else wandb.Image(row[place])
    return wandb.Table(columns=list(COLUMNS), data=rows)


def _log_artifact(run: Any, kind: str, files: list[Path]) -> None:
    import wandb

    artifact = wandb.Artifact(f"{kind}-{run.id}", kind)
    for file in files:
        artifact.add_file(str(file), policy="immutable")  # read in place, not copied: adapters are large
    run.log_artifact(artifact)


def _runs(trainer: L.Trainer) -> Iterator[Any]:
    """The W&B runs of the loggers, on the first rank."""
    for logger in trainer.loggers if trainer.is_global_zero else ():
        if isinstance(logger, WandbLogger) and not logger.experiment.disabled:
            yield logger.experiment
