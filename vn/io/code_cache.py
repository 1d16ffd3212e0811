"""Texts that follow from installed code alone, such as a command's help, kept in ``~/.cache/vn/code``.

A text is found again only while everything is as it was when it was made: Python, every file of the packages that shape
it, what else is installed, and where Python looks for it. Files are compared by size and times (also the time of the
inode's last change, which no program sets), so that an editable checkout counts as much as a wheel.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from vn.errors import InputError
from vn.io import cache
from vn.io.atomic import atomic_write

KEPT = 4  # states of the code whose texts are kept: a few environments or checkouts in turn


class CodeCache:
    """The texts of the code as it is now.

    Args:
        packages: top-level packages whose every file counts.
        root: where texts are kept.
    """

    def __init__(self, packages: Sequence[str], root: Path | None = None) -> None:
        self.packages = packages
        self.state = _state(packages)
        self.folder = (root or cache.CACHE / "code") / self.state

    def get(self, name: str) -> str | None:
        """A text; None if there is none, or its file is damaged."""
        try:
            digest, text = (self.folder / name).read_bytes().split(b"\n", 1)
        except (OSError, ValueError):
            return None
        return text.decode() if hashlib.sha256(text).hexdigest().encode() == digest else None

    def put(self, name: str, text: str) -> None:
        """Keep a text, unless the code has changed since this object was made, or the folder cannot be written."""
        if _state(self.packages) != self.state:
            return
        body = text.encode()
        with contextlib.suppress(OSError, InputError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self.folder / name, own=True) as file:
                file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            os.utime(self.folder)
            self._forget_older()

    def _forget_older(self) -> None:
        folders = sorted(self.folder.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
        for old in folders[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _state(packages: Sequence[str]) -> str:
    """A hash of what texts depend on."""
    found = hashlib.sha256()
    for line in _traits(packages):
        found.update(f"{line}\n".encode(errors="surrogateescape"))
    return found.hexdigest()[:32]


def _traits(packages: Sequence[str]) -> Iterator[str]:
    yield f"{sys.version} {sys.executable} {sys.flags.optimize}"
    for place in sys.path:
        yield place or os.getcwd()
        yield from _installed(place or os.getcwd())
    for package in packages:
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            yield f"{package} is not there"
            continue
        yield spec.origin
        yield from _files(os.path.dirname(spec.origin) if spec.submodule_search_locations else spec.origin)


def _installed(place: str) -> Iterator[str]:
    """What is installed in a folder of ``sys.path``: the metadata of distributions, with their entry points."""
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(place), key=lambda each: each.name):
            if entry.name.endswith((".dist-info", ".egg-info", ".pth", ".egg-link")):
                yield _described(entry.path)
                yield _described(os.path.join(entry.path, "entry_points.txt"))


def _files(path: str) -> Iterator[str]:
    """Every Python file of a package."""
    if not os.path.isdir(path):
        yield _described(path)
        return
    for entry in sorted(os.scandir(path), key=lambda each: each.name):
        if entry.name.endswith(".py"):
            yield _described(entry.path)
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _files(entry.path)


def _described(path: str) -> str:
    with contextlib.suppress(OSError):
        stat = os.stat(path)
        return f"{path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    return path
