"""Files that name other files, so that they are found when they have moved together, or from another folder.

A file of ours names another relative to its own folder, in the form ``./x`` or ``../x``. What was given as an absolute
path may be kept as well: where only one of the two has moved, it still holds. Older files have paths as they were
given, relative to the folder that the command was called from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def relative(path: str | Path, folder: str | Path) -> str:
    """The way to a path from a folder, in the form ``./x`` or ``../x``."""
    # By the real folders: the way through a link leads somewhere else.
    way = os.path.relpath(os.path.realpath(path), os.path.realpath(folder)).replace(os.sep, "/")
    return way if way.startswith("..") else f"./{way}"


def candidates(names: Iterable[str | None], folder: str | Path) -> Iterator[Path]:
    """Where a path that a file names may be, the most likely place first.

    Args:
        names: as the file names it, and otherwise.
        folder: that of the file.
    """
    seen = set()
    for name in names:
        if not name or "\0" in name:
            continue
        given = Path(name).expanduser()
        places = [given]
        if not given.is_absolute():
            own = Path(os.path.normpath(Path(folder) / name))
            # The folder that a command was called from is most often one of those above its files.
            parents = [] if name.startswith("..") else Path(os.path.abspath(folder)).parents
            above = [parent / given for parent in parents]
            places = [own, given, *above] if name.startswith(".") else [given, own, *above]
        for place in places:
            if place not in seen:
                seen.add(place)
                yield place


def find(names: Iterable[str | None], folder: str | Path) -> Path | None:
    """The first of the `candidates` that is there."""
    return next((place for place in candidates(names, folder) if os.path.exists(place)), None)


def tried(names: Iterable[str | None], folder: str | Path, most: int = 3) -> str:
    """The first places that were looked at, for a message."""
    places = [str(place) for place in candidates(names, folder)]
    more = f" and {len(places) - most} more places" if len(places) > most else ""
    return f"tried {', '.join(places[:most])}{more}"
