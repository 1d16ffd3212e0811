"""The table of stories that W&B shows: rows, frames and what is in range."""

import json

import numpy as np
import pytest
from made_up import write_data

from vn.data.shards import read_story
from vn.run_folder.story_table import COLUMNS, VIDEOS
from vn.train.datamodule import StoryDataModule
from vn.train.story_table import rows_of_test
from vn.train.videos import other_videos


@pytest.fixture(scope="module")
def with_pictures(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("pictures"), test=VIDEOS + 2, thumbs=True)


def predictions(data, file):
    """Three words a clip, of which two to four are wanted, or nine."""
    lines = []
    for entry in data.entries("test"):
        story = read_story(data.folder / entry.shard, entry)
        for i in story.narrated:
            clip = story.clips[i]
            word_range = [2, 4] if i % 2 else [9, 9]
            lines.append(
                {"video": entry.key, "clip": i, "start": clip.start, "end": clip.end, "narration": "One two three."}
                | {"labels": ["Sore Point", "Others"], "reference": clip.narration, "reference_labels": None}
                | {"word_range": word_range}
            )
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def seconds(picture):
    """What second the pictures of a clip show, from their grey."""
    return [round(float(part.mean()) / 10) for part in np.split(picture, picture.shape[1] // 64, axis=1)]


def test_rows_show_the_pictures_of_their_clip(with_pictures, tmp_path):
    data = StoryDataModule(str(with_pictures))
    lines = predictions(data, tmp_path / "predictions.predicted.jsonl")
    found = rows_of_test(tmp_path / "predictions.predicted.jsonl", data)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found]
    shown = list(dict.fromkeys(line["video"] for line in lines))[:VIDEOS]
    assert [(r["video"], r["clip"] - 1) for r in rows] == [
        (line["video"], line["clip"]) for line in lines if line["video"] in shown
    ]
    for row in rows:
        inside = [s for s in range(100) if row["start"] <= s < row["end"]]
        assert set(seconds(row["frames"])) <= set(inside)
        assert len(seconds(row["frames"])) == min(4, len(inside))
        assert row["words"] == 3
        assert row["in range"] is (row["clip"] % 2 == 0)
        assert row["range"] == ("2-4" if row["in range"] else "9-9")
        assert row["label"] == "Sore Point + Others"
        assert row["reference label"] == ""


def test_a_control_shows_the_pictures_that_the_narrator_saw(with_pictures, tmp_path):
    data = StoryDataModule(str(with_pictures), frames="other_video")
    predictions(data, tmp_path / "p.given.jsonl")
    entries = data.entries("test")
    others = other_videos(entries)
    for row in rows_of_test(tmp_path / "p.given.jsonl", data):
        row = dict(zip(COLUMNS, row, strict=True))
        other = entries[others[[e.key for e in entries].index(row["video"])]]
        inside = [s for s in range(other.frames) if row["start"] <= s < row["end"]]
        assert (row["frames"] is None) == (not inside)


def test_without_pictures_the_text_stands_alone(data, tmp_path):
    module = StoryDataModule(str(data))
    predictions(module, tmp_path / "p.given.jsonl")
    rows = list(rows_of_test(tmp_path / "p.given.jsonl", module))
    assert rows
    assert all(row[COLUMNS.index("frames")] is None for row in rows)
