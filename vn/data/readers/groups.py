"""Stories of one video stay together: which stories share a video, and that they share a split."""

from __future__ import annotations

import os
import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from vn.data.readers.source import SourceStory, Split
from vn.errors import Findings

ENDING = re.compile(
    r"\.(?=[0-9]*[A-Za-z])[0-9A-Za-z]{2,5}$"
)  # a file's extension: '.mp4', '.MOV'; not the '.0' of 'v1.0'
_FIRST: tuple[Split, ...] = ("test", "val", "train")


def without_ending(name: str) -> str:
    """A file's name or path without its extension, whatever kind of file it is."""
    return ENDING.sub("", name)


def group_by_video(stories: Sequence[SourceStory]) -> list[SourceStory]:
    """Stories with their video's name as their group: the one they name, else their id.

    A video is identified by its file's name without folder and extension, so that it stays in its split if its folder
    moves; if two folders have a file of that name, by its path.
    """
    paths = [_path(source.story.video) if source.story.video else source.group for source in stories]
    of_name: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        of_name[posixpath.basename(path)].add(path)
    names = (posixpath.basename(path) if len(of_name[posixpath.basename(path)]) == 1 else path for path in paths)
    return [replace(source, group=name) for source, name in zip(stories, names, strict=True)]


def _path(video: str) -> str:
    """A video's path in normal form; a URL is unchanged."""
    return without_ending(video if "://" in video else posixpath.normpath(video))


def group_by_file(stories: Sequence[SourceStory], file_of: Callable[[SourceStory], Path | None]) -> list[SourceStory]:
    """Stories whose videos are one file, however they name it, with one group.

    Args:
        stories: stories of the source.
        file_of: returns the file of a story's video, or None if there is none.
    """
    groups: dict[str, str] = {}  # by file
    same: dict[str, str] = {}  # a group that is merged into another one
    for source in stories:
        if file := file_of(source):
            first = groups.setdefault(os.path.abspath(file), source.group)
            if first != source.group:
                same.setdefault(source.group, same.get(first, first))
    return [replace(source, group=same.get(source.group, source.group)) for source in stories]


def keep_together(stories: Sequence[SourceStory], findings: Findings) -> list[SourceStory]:
    """Put all stories of a video into one split: test if one of them is there, else val; a warning lists the moved."""
    splits: dict[str, set[Split | None]] = defaultdict(set)
    for source in stories:
        splits[source.group].add(source.split)
    kept: list[SourceStory] = []
    moved: dict[Split, list[str]] = defaultdict(list)
    for source in stories:
        split = next((each for each in _FIRST if each in splits[source.group]), None)
        if split is not None and source.split != split:
            moved[split].append(source.story.id)
            source = replace(source, split=split)
        kept.append(source)
    for split, ids in moved.items():
        which = "1 story goes" if len(ids) == 1 else f"{len(ids)} stories go"
        message = f"{which} to the {split} split, because another story of the same video is there: {listing(ids)}"
        findings.add(message)
    return kept


def listing(ids: Sequence[str], most: int = 10) -> str:
    """Ids for a message: the first ones, and how many more there are."""
    return ", ".join(ids[:most]) + (f" and {len(ids) - most} more" if len(ids) > most else "")
