"""``index.html``: all stories of a folder at a glance, each with a link to its page."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from vn.errors import InputError
from vn.io.atomic import write_text
from vn.render.page.frames import clip_frames
from vn.render.page.shown import clock, in_range, warnings_of
from vn.render.page.story_page import PAGE
from vn.render.page.templates import FOLDER, render, texts
from vn.render.stored import STORY, read_stored
from vn.story import Language

INDEX = "index.html"


@dataclass(frozen=True, slots=True)
class Entry:
    """A story in the index.

    Attributes:
        name: its folder.
        language: the story's language; None if it cannot be read.
        title: the story's title.
        page: link to its page; None if it has no page.
        frame: a frame as a ``data:`` URI, if there is one.
        clips: number of clips.
        duration: as a clock shows it.
        inside: narrations whose number of words is in range.
        ranged: narrations that have a range.
        warnings: number of warnings.
        fault: why it cannot be read; empty if it can.
    """

    name: str
    language: Language | None = None
    title: str = ""
    page: str | None = None
    frame: str | None = None
    clips: int = 0
    duration: str = ""
    inside: int = 0
    ranged: int = 0
    warnings: int = 0
    fault: str = ""

    @property
    def share(self) -> float:
        """The share of narrations in range, for sorting; 1 if none has a range, -1 if the story cannot be read."""
        if self.fault:
            return -1.0
        return round(self.inside / self.ranged, 4) if self.ranged else 1.0


def write_index(folder: Path) -> Path:
    """Write ``index.html`` into a folder of stories: a frame, title, clips, words in range and warnings of each.

    A story that cannot be read is listed with the reason.

    Args:
        folder: a folder whose subfolders have a ``story.json`` each.

    Returns:
        The index.

    Raises:
        InputError: no subfolder has a story, or the index cannot be written.
    """
    files = sorted(folder.glob(f"*/{STORY}"), key=lambda file: _number_order(file.parent.name))
    if not files:
        raise InputError(f"no subfolder has a {STORY}", file=folder)
    entries = [_entry(file.parent) for file in files]
    languages = Counter(each.language for each in entries if each.language is not None)
    language: Language = languages.most_common(1)[0][0] if languages else "en"
    page = render(
        "index",
        language,
        style=(FOLDER / "index.css").read_text("utf-8"),
        title=texts(language)["index_title"].format(folder=folder.resolve().name),
        entries=entries,
    )
    write_text(folder / INDEX, page)
    return folder / INDEX


def _entry(folder: Path) -> Entry:
    page = f"{quote(folder.name)}/{PAGE}" if (folder / PAGE).is_file() else None
    try:
        stored = read_stored(folder)
    except InputError as error:
        return Entry(folder.name, page=page, fault=str(error).removeprefix(f"{folder / STORY}: "))
    story = stored.story
    inside, ranged = in_range(stored)
    middle = story.clips[len(story.clips) // 2]
    frames = clip_frames(stored.video, [(middle.start, middle.end)]) if stored.video is not None else [None]
    return Entry(
        name=folder.name,
        language=story.language,
        title=story.title,
        page=page,
        frame=frames[0],
        clips=len(story.clips),
        duration=clock(stored.duration),
        inside=inside,
        ranged=ranged,
        warnings=len(warnings_of(stored)),
    )


def _number_order(name: str) -> list[tuple[int, str]]:
    """Names in the order of the numbers in them: ``v2`` before ``v10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]
