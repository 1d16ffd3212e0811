"""The columns of a manifest's samples as files: ``samples/COLUMN.npy`` in a data folder (docs/design.md#manifest).

They are mapped into memory, not read: all processes of a machine share one copy. Each is hashed when it is opened.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vn.data.npy import npy_bytes, view_npy
from vn.data.samples import NUMBERS, Samples
from vn.errors import InputError
from vn.io.atomic import PARTIAL, atomic_write
from vn.io.remote import Folder, fetch

FOLDER = "samples"
COLUMNS = {"key": "|u1", "key_at": "<i8", **NUMBERS}

Columns = dict[str, np.ndarray]


def file_of(column: str) -> str:
    """The name of a column's file in the data folder."""
    return f"{FOLDER}/{column}.npy"


def write_columns(folder: Path, splits: Sequence[Samples]) -> dict[str, str]:
    """Write the columns of all splits, one split after another; each file atomically.

    Returns:
        The sha256 of each column's file.
    """
    (folder / FOLDER).mkdir(exist_ok=True)
    sums = {}
    for name in COLUMNS:
        data = npy_bytes(_column(name, splits))
        with atomic_write(folder / file_of(name)) as file:
            file.write(data)
        sums[name] = hashlib.sha256(data).hexdigest()
    return sums


def remove_columns(folder: Path) -> None:
    """Remove what `write_columns` has written, and nothing else."""
    for name in COLUMNS:
        for file in (folder / file_of(name), folder / (file_of(name) + PARTIAL)):
            file.unlink(missing_ok=True)


def _column(name: str, splits: Sequence[Samples]) -> np.ndarray:
    if name not in ("key", "key_at"):
        return np.concatenate([np.empty(0, COLUMNS[name]), *(split.column(name) for split in splits)])
    keys = [split.letters() for split in splits]
    if name == "key":
        return np.concatenate([np.empty(0, COLUMNS[name]), *(letters for letters, _ in keys)])
    lengths = np.concatenate([np.zeros(1, COLUMNS[name]), *(np.diff(at) for _, at in keys)])
    return np.cumsum(lengths, dtype=COLUMNS[name])


def open_columns(folder: Folder, sums: Mapping[str, str], count: int) -> Columns:
    """Map the columns of all splits into memory.

    Args:
        folder: the data folder.
        sums: the sha256 of each column's file.
        count: number of samples that they must have.

    Raises:
        InputError: naming the column that is missing, damaged, replaced, or of another type or length.
    """
    columns = {}
    for name, dtype in COLUMNS.items():
        file = folder / file_of(name)
        data = _mapped(fetch(file, sums[name]))
        if hashlib.sha256(data).hexdigest() != sums[name]:
            message = "does not match manifest.json (another sha256): copy the folder again, or run vn prepare again"
            raise InputError(message, file=file)
        try:
            column = view_npy(data)
        except ValueError as error:
            raise InputError(f"damaged ({error})", file=file) from None
        if column.dtype.str != dtype or column.ndim != 1:
            message = f"expected one row of {dtype}, got {list(column.shape)} of {column.dtype.str}"
            raise InputError(message, file=file)
        expected = {"key": len(column), "key_at": count + 1}.get(name, count)
        if len(column) != expected:
            message = f"expected {expected} numbers for {count} samples, got {len(column)}"
            raise InputError(message, file=file)
        columns[name] = column
    return columns


def _mapped(file: Path) -> bytes | mmap.mmap:
    try:
        with file.open("rb") as opened:
            return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # an empty file cannot be mapped
        return b""
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=file) from None
