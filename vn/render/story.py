"""The story to render: its ``story.json``, the video it names, and its copy in another folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vn.data.clip_bounds import check_clips
from vn.errors import Findings, InputError
from vn.io.atomic import write_text
from vn.io.files import read_json
from vn.io.paths import find, relative, tried
from vn.render.settings import KEY, Asked
from vn.story import Story
from vn.story_file.edit import bare_story, overlap_of
from vn.story_file.record import PATHS, read_record
from vn.story_reader import parse_story

NAME = "story.json"


@dataclass(frozen=True, slots=True)
class Narrated:
    """A narrated story and its video.

    Attributes:
        file: its ``story.json``.
        data: the parsed file.
        story: the story, with the path of its video.
        ranges: word range of each clip, if the file has it.
        video: the video.
    """

    file: Path
    data: dict[str, Any]
    story: Story
    ranges: tuple[tuple[int, int] | None, ...]
    video: Path


def file_of(story: Path) -> Path:
    """The ``story.json`` that a path names: itself, or the one in a folder.

    Raises:
        InputError: there is none.
    """
    file = story / NAME if story.is_dir() else story
    if not file.is_file():
        what = f"has no {NAME}" if story.is_dir() else "no such story"
        raise InputError(f"{what}; vn narrate writes one", file=story)
    return file


def read_narrated(story: Path, findings: Findings) -> Narrated:
    """Read a narrated story and find its video.

    Args:
        story: a ``story.json`` or its folder.
        findings: collects the warnings.

    Raises:
        InputError: the file is not a story, has no narration, or its video is not found.
    """
    file = file_of(story)
    data = read_json(file)
    if not isinstance(data, dict):
        raise InputError("not a story: expected a mapping", file=file)
    bare, entries, _ = bare_story(data)
    before = read_record(data, file.parent)
    overlap = overlap_of(before.made_with) if before is not None else "refuse"
    found = parse_story(bare, file=file, findings=findings, overlap=overlap, default_id=NAME.partition(".")[0])
    if not found.narrated:
        raise InputError("no clip has a narration; vn narrate writes them", file=file, field="clips")
    video = before.video if before is not None and before.video else None
    if video is None:
        if not found.video:
            raise InputError("names no video", file=file, field="video")
        place = find([found.video], file.parent)
        if place is None:
            raise InputError(f"the video is not found ({tried([found.video], file.parent)})", file=file, field="video")
        video = str(place)
    ranges = tuple(_range(entry) for entry in entries)
    return Narrated(file, data, replace(found, video=video), ranges, Path(video))


def check_times(narrated: Narrated, length: float, findings: Findings) -> None:
    """Compare the clips with the video's length; see `vn.data.clip_bounds.check_clips`."""
    beyond = check_clips(narrated.story.clips, length, findings, file=narrated.file)
    if lost := [i for i in narrated.story.narrated if i in beyond]:
        message = "has a narration, but is beyond the end of the video; merge it into the clip before it"
        raise InputError(message, file=narrated.file, field=f"clips[{lost[0]}]")


def check_place(narrated: Narrated, out: Path) -> None:
    """Raise `InputError` if a folder has another story, which would be overwritten."""
    there = out / NAME
    if not there.exists() or os.path.samefile(there, narrated.file):
        return
    other = read_json(there)
    story = narrated.story
    if not isinstance(other, dict) or (other.get("id"), other.get("title")) != (story.id, story.title):
        raise InputError("has the story.json of another story; choose another folder", file=out, field="--out")


def check_inputs(narrated: Narrated, film: Path, voice: str, wavs: Path) -> None:
    """Raise `InputError` if what a rendering reads is where it would write.

    Args:
        narrated: the story.
        film: the film to be written.
        voice: name of the voice.
        wavs: the folder for the WAV files of the clips.
    """
    if film.exists() and os.path.samefile(film, narrated.video):
        message = "is the video that the story is about, and would be overwritten; choose another folder with --out"
        raise InputError(message, file=film)
    kind, _, recordings = voice.partition(":")
    if kind == "wavs" and _same(Path(recordings), wavs):
        message = "the recordings would be overwritten; move them, or choose another folder with --out"
        raise InputError(message, file=wavs, field="--voice")


def remember(narrated: Narrated, asked: Asked, out: Path, findings: Findings) -> None:
    """Write what was asked for into the story, and the story into the output folder, if that is another one.

    The story's file is read once more: what was edited in it during the rendering stays. The copy in another folder is
    the story that was rendered.

    Args:
        narrated: the story.
        asked: what was asked for.
        out: the output folder.
        findings: receives a warning if the story's own file cannot be written.

    Raises:
        InputError: the output folder cannot be written.
    """
    own = {KEY: asked.to_dict()}
    try:
        now = read_json(narrated.file)
        if not isinstance(now, dict):
            raise InputError("not a story: expected a mapping", file=narrated.file)
        _write(narrated.file, {**now, **own})
    except InputError as error:
        if _same(out / NAME, narrated.file):
            raise
        findings.add(f"what was asked for is not remembered: {error}")
    if not _same(out / NAME, narrated.file):
        _write(out / NAME, _moved({**narrated.data, **own}, narrated, out))


def _write(file: Path, data: Mapping[str, Any]) -> None:
    if not file.exists() or read_json(file) != data:
        write_text(file, json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _moved(data: Mapping[str, Any], narrated: Narrated, out: Path) -> dict[str, Any]:
    """A story whose paths are relative to another folder."""
    moved = {**data, "video": relative(narrated.video, out)}
    record = data.get("record")
    if isinstance(record, Mapping) and isinstance(record.get("made_with"), Mapping):
        made_with = dict(record["made_with"])
        for name in PATHS:
            path = made_with.get(name)
            if isinstance(path, str) and path.startswith("."):
                made_with[name] = relative(narrated.file.parent / path, out)
        given = record.get("given")
        given = given if isinstance(given, Mapping) else {}
        paths = {"video": moved["video"], **{name: made_with.get(name) for name in PATHS}}
        kept = {n: [path, given[n][-1]] for n, path in paths.items() if path and isinstance(given.get(n), list)}
        moved["record"] = {**record, "made_with": made_with, "given": kept}
    return moved


def _range(entry: Any) -> tuple[int, int] | None:
    value = entry.get("word_range") if isinstance(entry, dict) else None
    if isinstance(value, list) and len(value) == 2 and all(type(each) is int for each in value):
        return value[0], value[1]
    return None
