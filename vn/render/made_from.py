"""Hashes of what a rendering was made from and of the files it gave: what is the same is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vn.io.hashes import hash_file


def key_of(*parts: Any) -> str:
    """A hash of values that JSON can hold."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def files_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The hash of each file that is there."""
    return {name: hash_file(folder / name) for name in names if (folder / name).is_file()}


def still_there(folder: Path, files: Any, names: Iterable[str]) -> bool:
    """Whether files are as they were when they were written.

    Args:
        folder: where they are.
        files: their hashes then, by name, as `files_of` gave them.
        names: the ones that matter.
    """
    wanted = list(names)
    return isinstance(files, Mapping) and all(
        files.get(name) is not None and files.get(name) == found for name, found in _found(folder, wanted)
    )


def _found(folder: Path, names: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    for name in names:
        yield name, hash_file(folder / name) if (folder / name).is_file() else None
