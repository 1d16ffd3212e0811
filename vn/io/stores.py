"""Where a data folder's files are, if not on this machine: what `vn.io.remote` asks of a server."""

from __future__ import annotations

from typing import BinaryIO, Protocol

from vn.errors import InputError

PIECE = 1 << 20  # bytes read at once


class WholeFile(Exception):
    """The server does not serve ranges: it would send the whole file."""


class MissingFile(InputError):
    """There is no such file."""


class Store(Protocol):
    """Requests for the files of one folder; each is sent once, and raises `Transient` if it may be repeated.

    All raise `InputError` for what no repetition mends: a file that is not there, no permission.
    """

    def read(self, name: str, start: int, size: int) -> bytes:
        """Exactly `size` bytes from `start`.

        Raises:
            WholeFile: the server has no ranges.
        """

    def download(self, name: str, file: BinaryIO, most: int) -> None:
        """Write a whole file of at most `most` bytes to an open one, from its beginning."""

    def size(self, name: str) -> int | None:
        """Bytes of a file; None if there is none."""

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder inside this one; empty if there is none."""

    def write(self, name: str, data: bytes, new: bool) -> bool:
        """Write a small file at once; with `new` only if there is none, and whether it was written."""

    def upload(self, name: str, path: str) -> None:
        """Write a file from a local one; it appears when it is complete."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""


def too_short(place: str, start: int, size: int) -> InputError:
    """The error for a file that ends before a range does."""
    message = f"ends before byte {start + size}: it is not the file that the manifest describes"
    return InputError(message, file=place)


def too_large(place: str, most: int) -> InputError:
    """The error for a file that is larger than expected."""
    return InputError(f"has more than {most} bytes: it is not the file that the manifest describes", file=place)
