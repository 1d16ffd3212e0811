"""Rows that are kept from the first epoch for the later ones, and for the next run with the same settings.

A folder per key (`vn.train.rows_key`), which is made of everything that rows depend on:

    index    for each video its number of supervised tokens, for each narrated clip where its bytes are in `data`
    data     rows (`vn.llm.row_bytes`), one video's after another's

Ranks and loader workers read and write both at once, without locks. Bytes are appended to `data` in one piece, and
entered in the index afterwards; either has a checksum. So what a killed process, a full disk or a file system without
appending leaves is not there for a reader, and its rows are made again. Nothing is in memory beside what is used.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import struct
import weakref
import zlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from torch.utils.data import get_worker_info

from vn.llm.row_bytes import rows_from_bytes, rows_to_bytes
from vn.llm.rows import Row

logger = logging.getLogger(__name__)

COUNT = struct.Struct("<II")  # supervised tokens, checksum
HEAD = struct.Struct("<II")  # rows that were written together: video, how many; then their places in its narrated clips
ENTRY = struct.Struct("<QIII")  # offset, bytes, their checksum, checksum of this
INDEX, DATA = "index", "data"
INDEX_FILE, DATA_FILE = 1, 2


class KeptRows:
    """The kept rows of a split.

    Args:
        folder: the folder of the key.
        narrated: narrated clips of each video, ``[N]``.
        most: bytes that all folders beside it may have together with it; the least recently used ones are removed.
        splits: folders beside it that the same run reads, so that they are not removed.
    """

    def __init__(self, folder: Path, narrated: np.ndarray, most: int, splits: Sequence[Path] = ()) -> None:
        self.folder = folder
        self._splits = [other for other in splits if other != folder]
        self._first = np.concatenate([[0], np.cumsum(narrated)])
        self._most = most
        self._writes = True
        self._files: tuple[int, int, int] | None = None  # process, index, data
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._most -= _make_room(folder.parent, most // 2, {folder, *self._splits})
            (folder / INDEX).touch()
        except OSError as error:
            self._stop(error)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_files": None}

    def tokens(self, video: int) -> int | None:
        """The supervised tokens of all clips of a video; None if they are not known."""
        found = self._index(COUNT.size * video, COUNT.size)
        if len(found) < COUNT.size:
            return None
        tokens, check = COUNT.unpack(found)
        return int(tokens) if check == _check(b"tokens", video, tokens) else None

    def rows(self, video: int, key: str, places: Sequence[int]) -> list[Row] | None:
        """Rows of a video by their places among its narrated clips; None if one is missing or damaged."""
        first, last = int(self._first[video]), int(self._first[video + 1])
        entries = self._index(self._entry(first), (last - first) * ENTRY.size)
        found: dict[int, Row] = {}
        for place in places:
            if place in found:
                continue
            if len(entries) < (place + 1) * ENTRY.size:
                return None
            offset, size, crc32, check = ENTRY.unpack_from(entries, place * ENTRY.size)
            if check != _check(b"rows", first + place, offset, size, crc32):
                return None
            found.update(self._record(video, key, offset, size, crc32))
            if place not in found:
                return None
        return [found[place] for place in places]

    def _record(self, video: int, key: str, offset: int, size: int, crc32: int) -> dict[int, Row]:
        """Rows that were written together, by place; none if the bytes are not what they were."""
        data = self._read(DATA_FILE, offset, size)
        if len(data) != size or zlib.crc32(data) != crc32:
            return {}
        try:
            owner, count = HEAD.unpack_from(data)
            places = np.frombuffer(data, "<u4", count, HEAD.size).tolist()
            rows = rows_from_bytes(data[HEAD.size + 4 * count :], key) if owner == video else []
        except (ValueError, IndexError, struct.error):
            return {}
        return dict(zip(places, rows, strict=False))

    def add(self, video: int, places: Sequence[int], rows: Sequence[Row], tokens: int) -> None:
        """Keep rows of a video, and the number of its supervised tokens; nothing if there is no room."""
        if not self._writes:
            return
        data = HEAD.pack(video, len(places)) + np.array(places, "<u4").tobytes() + rows_to_bytes(rows)
        first, crc32 = int(self._first[video]), zlib.crc32(data)
        try:
            _, index, file = self._open()
            known = os.fstat(file).st_size + sum(_size(other / DATA) for other in self._splits)
            if known + len(data) > self._most:
                self._writes = False
                return
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            offset = os.lseek(file, 0, os.SEEK_CUR) - len(data)
            for place in places:
                entry = offset, len(data), crc32
                check = _check(b"rows", first + place, *entry)
                os.pwrite(index, ENTRY.pack(*entry, check), self._entry(first + place))
            os.pwrite(index, COUNT.pack(tokens, _check(b"tokens", video, tokens)), COUNT.size * video)
        except OSError as error:
            self._stop(error)

    def _entry(self, clip: int) -> int:
        """Where the index has a clip, counted over all narrated ones."""
        return COUNT.size * (len(self._first) - 1) + ENTRY.size * clip

    def _open(self) -> tuple[int, int, int]:
        """This process's own open files: a forked one would move its parent's place in them."""
        if self._files is None or self._files[0] != os.getpid():
            index = self._opened(INDEX, 0)
            try:
                data = self._opened(DATA, os.O_APPEND)
            except OSError:  # is tried again for the next video
                os.close(index)
                raise
            for file in (index, data):
                weakref.finalize(self, os.close, file)
            self._files = os.getpid(), index, data
        return self._files

    def _opened(self, name: str, append: int) -> int:
        try:
            return os.open(self.folder / name, os.O_RDWR | append | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:  # another user's, perhaps: they can be read
            self._stop(error)
            return os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)

    def _read(self, which: int, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._open()[which], size, offset)
        except (OSError, OverflowError):
            return b""

    def _index(self, offset: int, size: int) -> bytes:
        return self._read(INDEX_FILE, offset, size)

    def _stop(self, error: OSError) -> None:
        if self._writes and _is_first_worker():
            logger.warning("%s: rows are not kept for later epochs: %s", self.folder, error.strerror or error)
        self._writes = False


def _check(*what: object) -> int:
    return zlib.crc32(repr(what).encode())


def _is_first_worker() -> bool:
    """So that a full disk is one warning, not one per process."""
    worker = get_worker_info()
    return worker is None or worker.id == 0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _make_room(folder: Path, most: int, own: Collection[Path]) -> int:
    """Remove the least recently used folders in one, other than our own, until they have `most` bytes.

    Returns:
        The bytes that they have then.
    """
    others = []
    for other in folder.iterdir():
        if other not in own:
            with suppress(OSError):  # removed by another process
                index, data = (other / INDEX).stat(), (other / DATA).stat()
                others.append((index.st_mtime, index.st_size + data.st_size, other))
    total = sum(size for _, size, _ in others)
    for _, size, other in sorted(others):
        if total <= most:
            break
        shutil.rmtree(other, ignore_errors=True)  # a process that has it open goes on with it
        total -= size
    return total
