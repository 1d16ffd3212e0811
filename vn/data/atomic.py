"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name, and give it its own only when the block ends without an error.

    A kill at any moment leaves the old file or the new one; at worst a ``*.partial`` beside it, which the next
    write of the same file replaces.
    """
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
