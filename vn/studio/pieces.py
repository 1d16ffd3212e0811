"""Small pieces of the page: messages, the sound of a clip, the rendered video; their texts are escaped."""

from __future__ import annotations

import base64
from typing import Any

from vn.io.files import read_json
from vn.render.settings import Asked, RenderSettings, filled, remembered_voice
from vn.render.stored_render import read_rendered
from vn.studio.board import template
from vn.studio.edits import Entry
from vn.studio.story_folder import StoryFolder
from vn.studio.voices import Preview

FILM, REPORT = "story.mp4", "render.json"
LINKED = (FILM, "story.srt", "story.vtt", "story.html", "story.otio", "story.json")


def message(text: str, bad: bool = False) -> str:
    """A sentence.

    Args:
        text: the sentence.
        bad: whether it says that something failed.
    """
    return _piece("message", text, bad)


def sound(clip: int, entry: Entry, preview: Preview) -> str:
    """A player with the voice of one clip.

    Args:
        clip: number of the clip.
        entry: its entry.
        preview: its sound.
    """
    uri = f"data:audio/wav;base64,{base64.b64encode(preview.wav).decode()}"
    return _piece("sound", clip + 1, entry.get("narration") or "", preview, uri, entry["end"] - entry["start"])


def film(story: StoryFolder) -> str:
    """A player with the rendered video, links to its files, and what its report says; empty if there is none.

    Raises:
        InputError: its report cannot be read.
    """
    place = story.folder / FILM
    if not place.is_file() or not (story.folder / REPORT).is_file():
        return ""
    rendered = read_rendered(story.folder / REPORT)
    files = [name for name in LINKED if (story.folder / name).is_file()]
    changed = place.stat().st_mtime_ns
    now = {n: entry.get("narration") or "" for n, entry in enumerate(story.sheet().clips)}
    stale = any(now.get(n) != spoken.text for n, spoken in rendered.spoken.items())
    return _piece("film", story.name, changed, files, rendered.spoken, rendered.warnings, stale)


def last_render(story: StoryFolder) -> Asked:
    """What was asked for when it was rendered last, as its ``story.json`` remembers, or the defaults.

    Raises:
        InputError: something remembered is damaged.
    """
    data = read_json(story.file) if story.written else {}
    return filled(RenderSettings(), data, story.file, remembered_voice(data) or "")


def _piece(name: str, *values: Any) -> str:
    return str(getattr(template("pieces.html").module, name)(*values))
