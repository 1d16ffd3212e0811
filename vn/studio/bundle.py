"""Files of a story that the page links to, and all of them as one archive."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import BinaryIO

from vn.errors import InputError, show
from vn.io.atomic import PARTIAL
from vn.studio.inside import inside
from vn.studio.story_folder import StoryFolder

PACKED = (".mp4", ".m4v", ".mkv", ".webm", ".mov", ".jpg", ".png")  # compressing them again only takes time
OURS = re.compile(r"(?:story|render|product|video)\.[\w.]+|voice/\d{3,}\.wav|story[-_][\w.-]+")


def file_of(story: StoryFolder, name: str) -> Path:
    """A file of a story that may be read by whoever may use the studio.

    Args:
        story: the story.
        name: its path in the folder.

    Raises:
        InputError: there is no such file, or it is none that the studio or a command makes.
    """
    if not _is_ours(story, name):
        raise InputError(f"has no file {show(name)} to download", file=story.name)
    file = inside(story.folder, name)
    if not file.is_file():
        raise InputError(f"has no file {show(name)}", file=story.name)
    return file


def write_bundle(story: StoryFolder, out: BinaryIO) -> list[str]:
    """Write all files of a story into a ZIP archive.

    Args:
        story: the story.
        out: the open file.

    Returns:
        The names in it.
    """
    names = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(story.folder.rglob("*")):
            name = path.relative_to(story.folder).as_posix()
            if path.is_symlink() or not path.is_file() or not _is_ours(story, name):
                continue
            kind = zipfile.ZIP_STORED if path.suffix.lower() in PACKED else zipfile.ZIP_DEFLATED
            archive.write(file_of(story, name), f"{story.name}/{name}", compress_type=kind)
            names.append(name)
    return names


def _is_ours(story: StoryFolder, name: str) -> bool:
    if name.endswith(PARTIAL):
        return False
    return bool(OURS.fullmatch(name)) or inside(story.folder, name) == story.video()
