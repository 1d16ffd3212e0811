"""Which videos are annotated, and the ids of their stories."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Container, Sequence
from pathlib import Path

from vn.data.find_video import VIDEO_SUFFIXES
from vn.errors import InputError
from vn.io.files import is_text
from vn.story import KEY

MOST = 200  # characters of an id


def find_videos(places: Sequence[Path], leave_out: Path) -> dict[str, Path]:
    """The videos of files and folders, with what is in subfolders, by id.

    A video in a subfolder has an id with the subfolder's name, so that folders of products may each have a 1.mp4.

    Args:
        places: files and folders.
        leave_out: folder that is not looked into: the output.

    Returns:
        Id -> file, in the order of `places`, and by name within each.

    Raises:
        InputError: there is no such file or folder, or no video; or two videos have the same id.
    """
    found: dict[str, Path] = {}
    for place in places:
        for name, file in _listed(place, leave_out):
            if not is_text(str(file)):  # no story can name it
                raise InputError("the name of this file or its folder is not UTF-8; rename it", file=file)
            identity = id_of(name)
            if identity in found and not os.path.samefile(found[identity], file):
                raise InputError(f"has the same id as {found[identity]}: {identity}; rename one of them", file=file)
            found.setdefault(identity, file)
    return found


def id_of(name: str) -> str:
    """The id of a video by its name without extension; signs that no id may have are replaced, and a hash added.

    Example:
        >>> id_of("kettle_1"), id_of("shop a/kettle 1")
        ('kettle_1', 'shop_a-kettle_1-6546aabd')
    """
    plain = name.replace("/", "-")
    if KEY.fullmatch(plain):
        return plain
    clean = re.sub(r"[^0-9A-Za-z_-]+", "_", plain).strip("_-")
    return f"{clean[: MOST - 9] or 'video'}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"


def meant(name: str, ids: Container[str]) -> str:
    """The id that a person means: the id itself, or the video's name, with or without its extension and folder.

    Example:
        >>> meant("lamp.mp4", ["lamp"]), meant("lamp", ["lamp"])
        ('lamp', 'lamp')

    Args:
        name: what the person wrote.
        ids: the ids of all videos.

    Returns:
        One of `ids`, or else the name as it is.
    """
    plain = name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in VIDEO_SUFFIXES else name
    return next((each for each in (name, id_of(name), id_of(plain)) if each in ids), name)


def _listed(place: Path, leave_out: Path) -> list[tuple[str, Path]]:
    """Name without extension, relative to the place, and file."""
    if place.is_file():
        return [(place.stem, place)]
    if not place.is_dir():
        raise InputError("no such video or folder of videos", file=place)
    out = leave_out.absolute()
    found = []
    for folder, folders, files in os.walk(place):
        here = Path(folder)
        folders[:] = sorted(each for each in folders if not each.startswith(".") and (here / each).absolute() != out)
        for name in sorted(files):
            file = here / name
            if file.suffix.lower() in VIDEO_SUFFIXES and not name.startswith("."):
                found.append((file.relative_to(place).with_suffix("").as_posix(), file))
    if not found:
        raise InputError(f"no video in this folder (looked for {', '.join(VIDEO_SUFFIXES)})", file=place)
    return found
