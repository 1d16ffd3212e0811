"""Paths that stay inside a folder, links included."""

from __future__ import annotations

from pathlib import Path

from vn.errors import InputError, show


def inside(folder: Path, name: str | Path) -> Path:
    """A path in a folder, with links resolved.

    Args:
        folder: the folder.
        name: a path relative to it, or an absolute one.

    Raises:
        InputError: it leads out of the folder, by ``..``, by a link or because it is elsewhere.
    """
    home = folder.resolve()
    if "\0" in str(name):
        raise InputError(f"{show(str(name))} is not a path", file=folder)
    try:
        place = (home / name).resolve()
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise InputError(f"{show(str(name))} cannot be found ({error})", file=folder) from None
    if not place.is_relative_to(home):
        raise InputError(f"{show(str(name))} leads out of this folder", file=folder)
    return place
