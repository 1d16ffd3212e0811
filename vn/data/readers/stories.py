"""Our own story files, for users' own videos (docs/design.md#story).

A source is a ``.json`` file with a story or a list of them, a ``.jsonl`` file with one per line, or a folder of such
files; if a folder has subfolders ``train``, ``val`` and ``test``, a story's folder is its split. A story may have no
id (the file's name is used) and no clips (they are found in the video).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from vn.data.readers.groups import group_by_video
from vn.data.readers.prompt_list import refuse_prompt_list
from vn.data.readers.source import ReadContext, SourceStory, Split, load_json, parse_lines, refuse_twice
from vn.errors import InputError
from vn.io.files import read_text
from vn.story_reader import StoryReader

SUFFIXES = (".json", ".jsonl")


def read(path: Path, context: ReadContext) -> list[SourceStory]:
    """Read stories; see `vn.data.readers.read`."""
    return group_by_video(list(each(path, context)))


def each(path: Path, context: ReadContext) -> Iterator[SourceStory]:
    """The stories one after another, each read when it is asked for; a story's group is its id."""
    if path.is_file():
        yield from _read_file(path, None, context)
        return
    splits: list[Split] = [split for split in get_args(Split) if (path / split).is_dir()]
    for file in _files(path):
        yield from _read_file(file, None, context)
    for split in splits:
        # Without a folder for val, a share of train becomes val.
        fixed = None if split == "train" and "val" not in splits else split
        for file in _files(path / split):
            yield from _read_file(file, fixed, context)


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix in SUFFIXES and f.is_file())


def _read_file(file: Path, split: Split | None, context: ReadContext) -> Iterator[SourceStory]:
    if file.suffix == ".jsonl":
        with context.story():
            for number, line in enumerate(read_text(file).split("\n"), start=1):
                if line.strip():
                    with context.story():
                        yield _source(parse_lines(line, file, number), file, split, context)
        return
    with context.story():
        data = load_json(file)
        refuse_prompt_list(data, file)
        if not isinstance(data, list):
            yield _source(data, file, split, context, file.stem)
            return
        if not data:
            raise InputError("expected stories, found an empty list", file=file)
        for entry in data:
            with context.story():
                yield _source(entry, file, split, context)


def _source(
    data: Any, file: Path, split: Split | None, context: ReadContext, default_id: str | None = None
) -> SourceStory:
    refuse_twice(data, file, data.get("id") if isinstance(data, dict) else None)
    reader = StoryReader(file, context.findings, context.overlap)
    story = reader.story(data, clips_required=False, default_id=default_id)
    context.overlapping(story.id, reader.longest_overlap)
    return SourceStory(story, split, story.id, file)
