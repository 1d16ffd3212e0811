"""A folder of limited size for copies of what is far away; the least recently used are removed first.

Safe between the ranks and workers of a run, and between runs: a copy appears by a rename, one process at a time fetches
it, and the total is kept in a file that is locked while it changes. A copy is named by a hash of what it is a copy of,
so that neither names nor URLs can clash or be read from it.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vn.errors import InputError
from vn.io.lock import alone

logger = logging.getLogger(__name__)

ROOM = 0.9  # what is left of the limit when copies had to be removed
TOTAL, LOCK, PARTIAL = "total", ".lock", ".partial"


class FileCache:
    """Copies of files and of parts of files.

    Args:
        folder: where they are; other files there are left alone.
        most: bytes that they may have together; 0 keeps nothing.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most
        self._warned = False

    def path(self, key: str) -> Path:
        """Where the copy with a key is, or would be."""
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / name[:2] / name

    def get(self, key: str) -> bytes | None:
        """The content of a copy, which counts as used; None if there is none."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        self.use(key)
        return data

    def use(self, key: str) -> None:
        """Count a copy as used now."""
        with suppress(OSError):  # removed meanwhile, or another user's
            os.utime(self.path(key))

    def put(self, key: str, data: bytes) -> None:
        """Keep a copy. If the disk does not take it, it is not kept: a warning says so once."""
        if len(data) > self.most:
            return
        try:
            self._add(key, len(data), lambda file: file.write(data))
        except OSError as error:
            self._warn(error)

    def add(self, key: str, size: int, fill: Callable[[BinaryIO], object]) -> Path:
        """Keep a copy that a function writes.

        Args:
            key: the copy's key.
            size: its bytes.
            fill: writes them to a file; if it raises, nothing is kept.

        Raises:
            InputError: it is larger than the cache, or the disk does not take it.
        """
        if size > self.most:
            message = f"has room for {self.most / 1e9:g} GB, not for a file of {size / 1e9:.3g} GB (data.cache_gb)"
            raise InputError(message, file=self.folder)
        try:
            self._add(key, size, fill)
        except OSError as error:
            message = f"the cache of remote data cannot be written: {error.strerror or error} (data.cache)"
            raise InputError(message, file=self.folder) from None
        return self.path(key)

    def drop(self, key: str) -> None:
        """Remove a copy, which turned out to be damaged."""
        self.path(key).unlink(missing_ok=True)

    @contextmanager
    def fetching(self, key: str) -> Iterator[None]:
        """Around looking for a copy and fetching it: others that want the same one wait, and then find it."""
        path = self.path(key)
        with ExitStack() as stack:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(alone(path.with_name(path.name + LOCK)))
            except OSError as error:  # nobody waits: the same is fetched twice
                self._warn(error)
            yield

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            logger.warning("%s: nothing more is kept in this cache: %s", self.folder, error.strerror or error)
        self._warned = True

    def _add(self, key: str, size: int, fill: Callable[[BinaryIO], object]) -> None:
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._make_room(size)
        partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
        try:
            # Not synchronised with the disk: a copy that a power cut spoils is noticed by its checksum.
            with partial.open("w+b") as file:
                fill(file)
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise

    def _make_room(self, size: int) -> None:
        """Count a new copy, and remove old ones if it would be too many bytes."""
        with self._total() as file:
            text = file.read(40)
            total = int(text) if text.isdigit() else self._used()
            if total + size > self.most:
                total = self._remove(size)
            file.seek(0)
            file.truncate()
            file.write(b"%d" % (total + size))

    @contextmanager
    def _total(self) -> Iterator[BinaryIO]:
        with open(os.open(self.folder / TOTAL, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+b") as file:
            with suppress(OSError):  # a file system without locks: the limit is then kept roughly
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file

    def _used(self) -> int:
        return sum(size for _, size, _ in self._copies())

    def _copies(self) -> Iterator[tuple[float, int, Path]]:
        """Time of last use, size and path of each copy, begun ones included."""
        for folder in self.folder.glob("[0-9a-f][0-9a-f]"):
            for path in folder.iterdir():
                with suppress(OSError):  # removed meanwhile
                    state = path.stat()
                    if not path.name.endswith(LOCK):
                        yield state.st_mtime, state.st_size, path

    def _remove(self, size: int) -> int:
        """Remove the least recently used copies; returns the bytes of the others."""
        copies = sorted(self._copies())
        total = sum(own for _, own, _ in copies)
        now = time.time()
        for used, own, path in copies:
            if total + size <= ROOM * self.most:
                break
            if path.name.endswith(PARTIAL) and now - used < 3600:
                continue  # being written
            if _removed(path):
                total -= own
        return total


@contextmanager
def held(path: Path) -> Iterator[BinaryIO]:
    """A copy, open, which is not removed as long as it is.

    Raises:
        FileNotFoundError: it was removed just now.
    """
    with path.open("rb") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
        if not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise FileNotFoundError(path)
        yield file


class Held:
    """Copies that are not removed as long as this process runs; pickled, it is empty."""

    def __init__(self) -> None:
        self._paths: set[Path] = set()
        self._open = ExitStack()

    def add(self, path: Path) -> bool:
        """Hold a copy from now on; whether it was still there."""
        if path not in self._paths:
            try:
                self._open.enter_context(held(path))
            except FileNotFoundError:
                return False
            self._paths.add(path)
        return True

    def __reduce__(self) -> tuple[type[Held], tuple[()]]:
        return Held, ()


def _removed(path: Path) -> bool:
    """Remove a copy, unless it is held: under its lock, so that nobody begins to hold it meanwhile."""
    try:
        with path.open("rb") as file:
            with _locks_or_none():
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except OSError:  # held, or removed by another process
        return False
    return True


@contextmanager
def _locks_or_none() -> Iterator[None]:
    """Around a lock: a file system without locks is accepted."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError:
        pass
