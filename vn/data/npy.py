"""``.npy`` arrays from files that may be damaged or malicious: never a pickle, never more memory than the file has."""

from __future__ import annotations

import io
import mmap
from math import prod

import numpy as np

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 1 << 14  # bytes; NumPy itself refuses headers of more than 10,000


def read_npy(data: bytes) -> np.ndarray:
    """The array of an ``.npy`` file.

    Args:
        data: the whole file.

    Raises:
        ValueError: it is not such a file, is truncated, or holds objects (which only a pickle, so a program, can give).
    """
    return view_npy(data).copy()


def view_npy(data: bytes | mmap.mmap) -> np.ndarray:
    """The array of an ``.npy`` file, read-only and in the file's own memory; otherwise like `read_npy`."""
    file = io.BytesIO(data[:LONGEST_HEADER])
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("it is not an .npy file")
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
    except Exception as error:  # NumPy parses the header as Python text, and that can fail in any way
        raise ValueError(f"its header cannot be read: {type(error).__name__}") from None
    if dtype.hasobject:
        raise ValueError("it holds Python objects: allow_pickle is off")
    start, count = file.tell(), prod(shape)
    if any(n < 0 for n in shape) or start + count * dtype.itemsize > len(data) or not dtype.itemsize:
        raise ValueError(f"it is cut short: {len(data)} bytes cannot hold {list(shape)} of {dtype}")
    flat = np.frombuffer(data, dtype, count, start)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


def npy_bytes(array: np.ndarray) -> bytes:
    """An array as an ``.npy`` file: the same array gives the same bytes."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()
