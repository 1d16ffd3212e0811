"""``story.html``: a story to watch, read and check, in one file that opens without a network."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from vn.errors import InputError
from vn.io.atomic import write_text
from vn.io.paths import relative
from vn.render.page.frames import clip_frames
from vn.render.page.shown import facts, shown_clips, shown_knowledge, warnings_of
from vn.render.page.templates import render
from vn.render.stored import Stored, read_stored, story_cues
from vn.subtitles.cues import vtt

PAGE = "story.html"
PLAYED = (".mp4", ".m4v", ".webm", ".mov", ".ogv")  # what browsers play, if they know the codec
EMBEDDED = 4_000_000  # bytes; a video up to this size is in the page too, for a page that is sent alone
SHORTEST = 26  # pixels that the row of shots has for its shortest clip
WIDEST = 60  # pixels per clip that it has at most because of that


def write_page(folder: Path, embed: bool | None = None) -> Path:
    """Write ``story.html`` beside a story's files.

    The page has its styles, script, frames and subtitles in it. The video is played from its own file, and is in the
    page as well if it is small, so that the page can be sent alone.

    Args:
        folder: folder with ``story.json``, and ``render.json``, ``story.mp4`` and ``story.vtt`` if the story is
            rendered.
        embed: whether the page has the video in it; None: if it has at most `EMBEDDED` bytes.

    Returns:
        The page.

    Raises:
        InputError: there is no story, one of its files cannot be read, or the page cannot be written.
    """
    stored = read_stored(folder)
    out = folder / PAGE
    write_text(out, page_of(stored, embed))
    return out


def page_of(stored: Stored, embed: bool | None = None) -> str:
    """The page; see `write_page`."""
    story = stored.story
    played = stored.video if stored.video is not None and stored.video.suffix.lower() in PLAYED else None
    spans = [(clip.start, clip.end) for clip in story.clips]
    frames = clip_frames(stored.video, spans) if stored.video is not None else [None] * len(spans)
    return render(
        "story",
        story.language,
        style="".join(_places(stored)),
        story=story,
        duration=stored.duration,
        facts=list(facts(stored)),
        clips=shown_clips(stored, frames),
        knowledge=shown_knowledge(stored),
        warnings=warnings_of(stored),
        sources=_sources(played, stored.folder, embed) if played is not None else [],
        video_name=played.name if played is not None else "",
        has_voice=stored.rendered is not None and bool(stored.rendered.spoken),
        subtitles=_data("text/vtt;charset=utf-8", vtt(story_cues(stored)).encode()),
        subtitles_on=not stored.burnt,
    )


def _sources(video: Path, folder: Path, embed: bool | None) -> list[str]:
    """The video's file, and the video itself if it is embedded: a browser takes the first one that it can play."""
    try:
        size = os.stat(video).st_size
        whole = video.read_bytes() if (size <= EMBEDDED if embed is None else embed) else None
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=video) from None
    kind = "video/webm" if video.suffix.lower() == ".webm" else "video/mp4"
    return [quote(relative(video, folder)), *([_data(kind, whole)] if whole is not None else [])]


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _places(stored: Stored) -> Iterator[str]:
    """Style rules: where each clip and its voice are in the row of shots, whose width is the video's time."""
    scale = 100 / stored.duration
    spans = [(clip.start, clip.end) for clip in stored.story.clips]
    yield f".row {{ min-width: {_least_width(spans, stored.duration)}px; }}\n"
    for n, (start, end) in enumerate(spans, 1):
        yield f".s{n} {{ left: {start * scale:.3f}%; width: {(end - start) * scale:.3f}%; }}\n"
    for clip, spoken in sorted((stored.rendered.spoken if stored.rendered else {}).items()):
        width = (spoken.end - spoken.start) * scale
        yield f".v{clip + 1} {{ left: {spoken.start * scale:.3f}%; width: {width:.3f}%; }}\n"


def _least_width(spans: Sequence[tuple[float, float]], duration: float) -> int:
    shortest = min(end - start for start, end in spans)
    return round(min(SHORTEST * duration / shortest, WIDEST * len(spans)))
