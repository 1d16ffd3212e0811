"""Files that are either complete or absent."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from vn.errors import InputError

PARTIAL = ".partial"
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextmanager
def atomic_write(path: Path, own: bool = False) -> Iterator[BinaryIO]:
    """Write a file under another name, and rename it only if the block ends without an error.

    If the process is killed or the disk fills up, the old file or the new one remains, at worst with a ``*.partial``
    beside it, which the next write of the same file replaces.

    Args:
        path: the file.
        own: give the ``*.partial`` a name of its own, for a file that several processes may write at once: the last
            one to finish wins, whole. The caller removes what killed processes leave.

    Raises:
        InputError: the file cannot be written (the message names it); the partial file is removed.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}" if own else path.name + PARTIAL)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if fault := disk_fault(error):
            raise InputError(f"cannot be written: {fault}", file=path) from None
        raise


def write_text(path: Path, text: str) -> None:
    """Write a small UTF-8 file with `atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode())


def disk_fault(error: BaseException | None) -> str | None:
    """The operating system's message, if a disk error is why something could not be written.

    `torch.save` and others raise their own error if the disk is full, with the real one as its context.
    """
    if isinstance(error, OSError):
        return error.strerror or str(error)
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK:
            return error.strerror
        error = error.__cause__ or error.__context__
    return None
