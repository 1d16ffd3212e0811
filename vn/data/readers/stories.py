"""Our own story files, for users' own videos (docs/design.md#story).

A source is a ``.json`` file with a story or a list of them, a ``.jsonl`` file with one per line, or a folder of such
files; if a folder has subfolders ``train``, ``val`` and ``test``, a story's folder is its split. A story may have no
id (the file's name is used) and no clips (they are found in the video).
"""

from __future__ import annotations

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
    if path.is_file():
        return group_by_video(_read_file(path, None, context))
    splits: list[Split] = [split for split in get_args(Split) if (path / split).is_dir()]
    stories = [story for file in _files(path) for story in _read_file(file, None, context)]
    for split in splits:
        # Without a folder for val, a share of train becomes val.
        fixed = None if split == "train" and "val" not in splits else split
        stories += [story for file in _files(path / split) for story in _read_file(file, fixed, context)]
    return group_by_video(stories)


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix in SUFFIXES and f.is_file())


def _read_file(file: Path, split: Split | None, context: ReadContext) -> list[SourceStory]:
    stories: list[SourceStory] = []

    def add(data: Any, default_id: str | None = None) -> None:
        with context.story():
            refuse_twice(data, file, data.get("id") if isinstance(data, dict) else None)
            reader = StoryReader(file, context.findings, context.overlap)
            story = reader.story(data, clips_required=False, default_id=default_id)
            context.overlapping(story.id, reader.longest_overlap)
            stories.append(SourceStory(story, split, story.id, file))

    if file.suffix == ".jsonl":
        with context.story():
            for number, line in enumerate(read_text(file).split("\n"), start=1):
                if line.strip():
                    with context.story():
                        add(parse_lines(line, file, number))
        return stories
    with context.story():
        data = load_json(file)
        refuse_prompt_list(data, file)
        if not isinstance(data, list):
            add(data, file.stem)
            return stories
        if not data:
            raise InputError("expected stories, found an empty list", file=file)
        for entry in data:
            add(entry)
    return stories
