"""Hashes of the videos, kept by size and times, so that the next command does not read gigabytes again."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vn.annotate.entry import Entry
from vn.annotate.stage import RawVideo
from vn.io.disk_cache import DiskCache
from vn.io.hashes import hash_file
from vn.progress import progress

MAKER = "sha256 of files"
SETTLED = 5.0  # seconds for which a file must be unchanged: times are coarse, so a younger one may change unnoticed


def hashed(videos: Sequence[RawVideo], cache: DiskCache) -> list[Entry]:
    """The videos with the hashes of their files; one that cannot be read is a bad one.

    Args:
        videos: the videos, without hashes.
        cache: has the hashes of files as they were; those that are computed are added.
    """
    states = [_state(video.file) for video in videos]
    known = cache.get(MAKER, [state for state in states if state is not None])
    missing = [state for state in states if state not in known]
    with progress("videos read", len(missing)) as step:
        entries = []
        for video, state in zip(videos, states, strict=True):
            if state in known:
                entries.append(Entry(replace(video, sha256=known[state].decode())))
                continue
            entries.append(_read(video, state, cache))
            step()
    return entries


def _read(video: RawVideo, state: str | None, cache: DiskCache) -> Entry:
    try:
        sha256 = hash_file(video.file)
    except OSError as fault:
        return Entry(video, error=f"{video.file}: {fault.strerror or 'cannot be read'}")
    if state is not None and state == _state(video.file):
        cache.put(MAKER, {state: sha256.encode()})
    return Entry(replace(video, sha256=sha256))


def _state(file: Path) -> str | None:
    """What changes whenever the file does; None if it was changed just now, or cannot be found."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    if abs(time.time() - found.st_ctime) < SETTLED:
        return None
    return f"{os.path.abspath(file)} {found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
