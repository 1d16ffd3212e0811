"""One process at a time writes into an output folder: a lock that ends with its process, however that ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vn.errors import InputError

NAME = ".lock"
_held: set[int] = set()


@contextmanager
def claim(folder: Path, command: str) -> Iterator[None]:
    """Make a folder and keep other processes out of it, until the block ends.

    The kernel keeps the lock, so that one of a process that was killed holds nobody up. The file that carries it
    goes when the block ends; so does a folder that was made here and stayed empty.

    Args:
        folder: where the block writes.
        command: what the other process is told is at work here, e.g. ``vn prepare``.

    Raises:
        InputError: another process is at work there, which is named, or the folder cannot be made.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquire(folder / NAME)
    except BlockingIOError as error:
        raise InputError(f"{error.strerror}: wait for it, or choose another folder", file=folder) from None
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise InputError("is a file, or lies in one; a folder is needed", file=folder) from None
        raise InputError(error.strerror or "cannot be written", file=folder) from None
    with suppress(OSError):  # it says who is here; the lock itself does without
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {command}\n".encode(), 0)
    _held.add(lock)
    try:
        yield
    finally:
        with suppress(OSError):
            (folder / NAME).unlink()  # while it is held, so that nobody else's is removed
        _held.discard(lock)
        os.close(lock)
        for each in made:
            with suppress(OSError):  # not empty
                each.rmdir()


def _acquire(file: Path) -> int:
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid, _, command = os.pread(lock, 200, 0).decode(errors="replace").strip().partition(" ")
            os.close(lock)
            who = f"{command} (process {pid})" if command else "another process"
            raise BlockingIOError(error.errno, f"{who} is at work in this folder") from None
        except OSError as error:
            if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                return lock  # a file system without locks: better unguarded than not at all
            os.close(lock)
            raise
        try:
            if os.path.samestat(os.fstat(lock), os.stat(file)):
                return lock
        except FileNotFoundError:
            pass
        os.close(lock)  # the process before removed its file between our opening and locking it


def _forget() -> None:
    """In a forked child: the lock is its parent's alone, and must not outlive it in a loader's worker."""
    for lock in _held:
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
