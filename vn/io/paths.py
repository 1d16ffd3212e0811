"""Files that name other files, so that they are found after both have moved, or from another folder.

Our files name others relative to their own folder, in the form ``./x`` or ``../x``. The absolute path may be kept as
well: it is still valid if only one of the two has moved. Older files have paths as they were given, relative to the
folder that the command was called from.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path


def relative(path: str | Path, folder: str | Path) -> str:
    """A path relative to a folder, in the form ``./x`` or ``../x``."""
    # With links resolved: a relative path through a link leads somewhere else.
    way = os.path.relpath(os.path.realpath(path), os.path.realpath(folder)).replace(os.sep, "/")
    return way if way.startswith("..") else f"./{way}"


def candidates(names: Iterable[str | None], folder: str | Path) -> Iterator[Path]:
    """Where a path that a file names may be, the most likely place first.

    Args:
        names: the paths that the file gives for it.
        folder: the file's folder.
    """
    seen = set()
    for name in names:
        if not name or "\0" in name:
            continue
        given = Path(name).expanduser()
        places = [given]
        if not given.is_absolute():
            own = Path(os.path.normpath(Path(folder) / name))
            # The folder that a command was called from is usually one of the parents of its files.
            parents = [] if name.startswith("..") else Path(os.path.abspath(folder)).parents
            above = [parent / given for parent in parents]
            places = [own, given, *above] if name.startswith(".") else [given, own, *above]
        for place in places:
            if place not in seen:
                seen.add(place)
                yield place


def find(names: Iterable[str | None], folder: str | Path) -> Path | None:
    """The first of the `candidates` that exists."""
    return next((place for place in candidates(names, folder) if os.path.exists(place)), None)


def tried(names: Iterable[str | None], folder: str | Path, most: int = 3) -> str:
    """The first paths that were tried, for a message."""
    places = [str(place) for place in candidates(names, folder)]
    more = f" and {len(places) - most} more places" if len(places) > most else ""
    return f"tried {', '.join(places[:most])}{more}"
