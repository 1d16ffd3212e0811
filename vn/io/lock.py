"""One process at a time writes to an output folder: a lock that is released however its process ends."""

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
def claim(folder: Path, command: str, shared: bool = False) -> Iterator[None]:
    """Create a folder and keep other processes out of it until the block ends.

    The kernel keeps the lock, so that a killed process does not block others. The lock file is removed when the block
    ends; so is a folder that was created here and is still empty.

    Args:
        folder: where the block writes.
        command: the command at work here, named in the error of the other process, e.g. ``vn prepare``.
        shared: let in others that share the folder as well; they share out the files among themselves.

    Raises:
        InputError: another process is at work there (the message names it), or the folder cannot be created.
    """
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquire(folder / NAME, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InputError(f"{error.strerror}: wait for it, or choose another folder", file=folder) from None
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR):
            raise InputError("is a file, or is inside one; a folder is needed", file=folder) from None
        raise InputError(error.strerror or "cannot be written", file=folder) from None
    with suppress(OSError):  # for messages only; the lock works without it
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {command}\n".encode(), 0)
    _held.add(lock)
    try:
        yield
    finally:
        with suppress(OSError):
            if shared:  # the last one to leave removes the file; for others this raises
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (folder / NAME).unlink()  # while the lock is held, so that no other process's file is removed
        _held.discard(lock)
        os.close(lock)
        for each in made:
            with suppress(OSError):  # not empty
                each.rmdir()


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Wait until no other process or thread is in such a block for this file, which is removed at the end.

    Raises:
        OSError: the file cannot be created.
    """
    lock = _acquire(file, fcntl.LOCK_EX)
    _held.add(lock)
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        _held.discard(lock)
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)  # not by closing alone: a process forked meanwhile has it open too
        os.close(lock)


def _acquire(file: Path, kind: int) -> int:
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, kind)
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
        os.close(lock)  # the previous process removed its file between our opening and locking it


def _forget() -> None:
    """In a forked child: the lock is its parent's alone, and must not outlive it in a loader's worker."""
    for lock in _held:
        os.close(lock)
    _held.clear()


os.register_at_fork(after_in_child=_forget)
