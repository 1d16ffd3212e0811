"""``story.otio``, ``story.xml`` and ``story.ass``: a story to go on with in a video editor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vn.errors import InputError, did_you_mean, show
from vn.extras import require
from vn.io.atomic import write_text
from vn.render.editors.ass import ass
from vn.render.stored import RENDER, Stored, read_stored, story_cues
from vn.render.stored_render import Rendered

if TYPE_CHECKING:
    import opentimelineio as otio

NAMES = {"otio": "story.otio", "fcp7": "story.xml", "ass": "story.ass"}  # files, by kind


def write_editors(folder: Path, kinds: Sequence[str]) -> list[Path]:
    """Write files for video editors beside a story's files.

    Args:
        folder: a folder in which ``vn render`` has written.
        kinds: what to write, of `KINDS`: ``otio`` is an OpenTimelineIO timeline, ``fcp7`` the XML of Final Cut Pro 7,
            which Premiere Pro and DaVinci Resolve read too, and ``ass`` subtitles with a style.

    Returns:
        The files.

    Raises:
        InputError: a kind is unknown, the story is not rendered, or a kind cannot hold it; the other kinds are
            written all the same.
    """
    for kind in kinds:
        if kind not in KINDS:
            hint = did_you_mean(kind, KINDS)
            raise InputError(f"no such kind of file for editors: {show(kind)}{hint}; there are {', '.join(KINDS)}")
    stored = read_stored(folder)
    written, refused = [], None
    for kind in KINDS:
        if kind in kinds:
            try:
                written.append(KINDS[kind](stored))
            except InputError as error:
                refused = refused or error
    if refused is not None:
        raise refused
    return written


def kinds_there(folder: Path, kinds: object) -> list[str]:
    """Which of some kinds a folder has a file of; `kinds` may be anything."""
    known = kinds if isinstance(kinds, list) else []
    return [kind for kind, name in NAMES.items() if kind in known and (folder / name).is_file()]


def _otio(stored: Stored) -> Path:
    """Files are named relative to the folder, so that it can be moved."""
    from opentimelineio.adapters import write_to_string

    from vn.render.editors.timeline import relative_url

    out = stored.folder / NAMES["otio"]
    write_text(out, write_to_string(_timeline(stored, relative_url), "otio_json") + "\n")
    return out


def _fcp7(stored: Stored) -> Path:
    """Files are named with their full path: the format has no relative ones."""
    require("otio_fcp_adapter", what="a file of the kind fcp7")
    from opentimelineio.adapters import write_to_string

    from vn.render.editors.timeline import full_url, has_timecode

    rate = _rendered(stored).rate
    if not has_timecode(rate):
        raise InputError(
            f"a video of {float(rate):g} frames per second has no timecode, which fcp7 needs; use otio",
            file=stored.folder / RENDER,
            field="fps",
        )
    out = stored.folder / NAMES["fcp7"]
    write_text(out, write_to_string(_timeline(stored, full_url), "fcp_xml"))
    return out


def _ass(stored: Stored) -> Path:
    out = stored.folder / NAMES["ass"]
    size = (stored.rendered.width, stored.rendered.height) if stored.rendered is not None else None
    write_text(out, ass(story_cues(stored), stored.story.title, stored.story.language, size))
    return out


def _timeline(stored: Stored, url: Callable[[Path, Path], str]) -> otio.schema.Timeline:
    require("opentimelineio", what="a timeline for editors")
    from vn.render.editors.timeline import timeline_of

    return timeline_of(stored, _rendered(stored), url)


def _rendered(stored: Stored) -> Rendered:
    if stored.rendered is None:
        raise InputError(f"there is no {RENDER}: a timeline is made of a rendered story", file=stored.folder)
    return stored.rendered


KINDS: dict[str, Callable[[Stored], Path]] = {"otio": _otio, "fcp7": _fcp7, "ass": _ass}
