"""``.npy`` arrays from files that may be damaged or malicious: never a pickle, never more memory than the file has."""

from __future__ import annotations

import io
import mmap
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

MAGIC = b"\x93NUMPY"
Buffer = bytes | memoryview | mmap.mmap
LONGEST_HEADER = 1 << 14  # bytes; NumPy itself refuses headers of more than 10,000


def read_npy(data: Buffer) -> np.ndarray:
    """The array of an ``.npy`` file.

    Args:
        data: the whole file.

    Raises:
        ValueError: it is not such a file, is truncated, or holds objects (which only a pickle, so a program, can give).
    """
    return view_npy(data).copy()


def view_npy(data: Buffer) -> np.ndarray:
    """The array of an ``.npy`` file, in the file's own memory, read-only if that is; otherwise like `read_npy`."""
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("it is not an .npy file")
    shape, fortran, dtype, start = _header(bytes(data[: _end_of_header(data)]))
    count = prod(shape)
    if dtype.hasobject:
        raise ValueError("it holds Python objects: allow_pickle is off")
    if any(n < 0 for n in shape) or start + count * dtype.itemsize > len(data) or not dtype.itemsize:
        raise ValueError(f"it is cut short: {len(data)} bytes cannot hold {list(shape)} of {dtype}")
    flat = np.frombuffer(data, dtype, count, start)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def _end_of_header(data: Buffer) -> int:
    """How many bytes are enough to read the header."""
    first = bytes(data[:10])
    if first[6:8] != b"\x01\x00":
        return LONGEST_HEADER
    return min(LONGEST_HEADER, 10 + int.from_bytes(first[8:], "little"))


@lru_cache(maxsize=256)  # arrays of one kind and length have the same
def _header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order (Fortran's or not) and type of an array, and where it begins."""
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # NumPy parses the header as Python text, and that can fail in any way
        raise ValueError(f"its header cannot be read: {type(error).__name__}") from None
    return shape, fortran, dtype, file.tell()


def npy_bytes(array: np.ndarray) -> bytes:
    """An array as an ``.npy`` file: the same array gives the same bytes."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()
