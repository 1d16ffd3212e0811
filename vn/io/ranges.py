"""A file that is read by ranges, as Python's own reading knows files."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any


class Ranges(io.RawIOBase):
    """A file for reading from any position.

    Args:
        read: gives a range of it: the index of the first byte, and how many at most.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._read = read
        self._at = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position; the end is not known.

        Raises:
            io.UnsupportedOperation: the position is counted from the end.
        """
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end is not known")
        self._at = offset + (self._at if whence == io.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; returns the number of bytes, 0 at the end."""
        data = self._read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
