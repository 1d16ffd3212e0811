"""The training stories of the classifier judge, and what they are known by without being read."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from vn.io.files import read_json
from vn.io.remote import Folder, open_folder
from vn.story import Story
from vn.story_reader import parse_story

MANIFEST = "manifest.json"
READERS = (
    *("story.py", "story_reader.py", "overlap.py", "score/training.py", "score/classifier_judge.py"),
    *("data/shards.py", "data/samples.py", "data/manifest.py", "data/sample_files.py"),
)


def training_stories(place: Folder) -> list[Story]:
    """The stories to learn from.

    Args:
        place: a data folder, whose train split counts; a folder of Story files; or a JSON Lines file of stories.

    Raises:
        InputError: naming what is missing or wrong.
    """
    if isinstance(place, Path) and not place.is_dir():
        from vn.score.predictions import read_lines

        return [parse_story(line, file=f"{place}:{n}", overlap="keep") for n, line in enumerate(read_lines(place), 1)]
    files = sorted(place.glob("*.json")) if isinstance(place, Path) else []
    if files and not any(file.name == MANIFEST for file in files):
        return [parse_story(read_json(file), file=file, overlap="keep") for file in files]
    from vn.data.manifest import Manifest
    from vn.data.shards import read_story

    folder = open_folder(place)
    return [read_story(folder / entry.shard, entry) for entry in Manifest.load(folder).samples("train")]


def training_state(place: Folder) -> str | None:
    """What the training stories of a data folder depend on; None if they must be read to know it.

    That is the manifest, which has each shard's hash, size and times of every file, and the code that reads them.

    Args:
        place: as in `training_stories`.
    """
    if not isinstance(place, Path) or not (place / MANIFEST).is_file():
        return None
    files = []
    for folder in (place, place / "samples"):
        if folder.is_dir():
            with os.scandir(folder) as entries:
                files += [_state(entry) for entry in entries if entry.is_file()]
    manifest = hashlib.sha256((place / MANIFEST).read_bytes()).hexdigest()
    return f"{manifest} {sorted(files)} {_readers()}"


def _state(entry: os.DirEntry[str]) -> tuple[str, int, int, int]:
    """Name, size and times: that of the last change to a file cannot be set back."""
    stat = entry.stat()
    return entry.name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


@functools.cache
def _readers() -> str:
    root = Path(__file__).parents[1]
    return hashlib.sha256(b"".join((root / name).read_bytes() for name in READERS)).hexdigest()
