"""What W&B shows of a run besides numbers: some stories with their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.shard_entries import SampleEntry
from vn.data.shards import read_seconds, read_thumbs
from vn.io.remote import Folder
from vn.metrics.length import fits
from vn.score.predictions import read_lines
from vn.story import Language, WordRange, count_words

VIDEOS = 8  # videos of the test in the table of stories
PICTURES = 4  # frames per clip
COLUMNS = (
    *("video", "clip", "start", "end", "frames", "label", "narration"),
    *("reference label", "reference", "words", "range", "in range"),
)
WRITTEN = ("predictions.*.jsonl", "stories.jsonl", "scores.json", "config.yaml")  # what a test leaves

Pictures = Sequence[tuple[float, np.ndarray]]
"""Thumbnails ``[96, w, 3]`` uint8 with their seconds."""


def story_rows(predictions: Path, language: Language, pictures_of: Callable[[str], Pictures]) -> Iterator[list[Any]]:
    """Rows of the table of stories, `COLUMNS`; the frames side by side as ``[96, w, 3]`` uint8, or None.

    Args:
        predictions: a file of predictions.
        language: language of the stories.
        pictures_of: gives the thumbnails of a video, none if it has none.
    """
    lines = read_lines(predictions)
    shown = list(dict.fromkeys(line["video"] for line in lines))[:VIDEOS]
    pictures = {video: pictures_of(video) for video in shown}
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


def stored_pictures(folder: Folder, entry: SampleEntry | None) -> Pictures:
    """The thumbnails of a video in a data folder; none if they are not stored."""
    thumbs = None if entry is None else read_thumbs(folder / entry.shard, entry)
    if entry is None or thumbs is None:
        return []
    return list(zip(read_seconds(folder / entry.shard, entry).tolist(), thumbs, strict=True))


def log_stories(run: Any, folder: Path, rows_of: Callable[[Path], Iterator[list[Any]]]) -> None:
    """Log a table ``stories/<setting>`` for each setting of a test.

    Args:
        run: W&B's run.
        folder: the folder with the predictions.
        rows_of: the rows of a file of predictions.
    """
    for file in sorted(folder.glob("predictions.*.jsonl")):
        setting = file.name.split(".")[1]
        run.log({f"stories/{setting}": _table(list(rows_of(file)))})


def written_files(folder: Path) -> list[Path]:
    """The files of a test that are logged as an artifact."""
    return [file for glob in WRITTEN for file in sorted(folder.glob(glob))]


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
