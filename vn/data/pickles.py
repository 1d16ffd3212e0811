"""NumPy arrays out of ``.pkl`` files, and nothing else: a pickle is a program, and none of it is run.

Only the few names that NumPy's own arrays are pickled with are allowed, and each maps to a class of ours that records
its arguments. The arrays are then built from the records with the same checks as ``.npy`` files: no object that the
file describes is ever built.
"""

from __future__ import annotations

import io
import pickle
from math import prod
from typing import Any

import numpy as np

MOST_ARRAYS = 100_000  # in a list


def read_pickle(data: bytes) -> np.ndarray:
    """The array in a pickle; a list of arrays of one shape is stacked.

    Args:
        data: the whole file.

    Raises:
        ValueError: it holds anything other than arrays of numbers, or is damaged.
    """
    try:
        value = _ArrayUnpickler(io.BytesIO(data)).load()
    except _Refused as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # a damaged pickle may raise any
        raise ValueError(f"it is not a readable pickle: {type(error).__name__}") from None
    if isinstance(value, _Notes):
        return _array(value)
    if isinstance(value, list | tuple) and 0 < len(value) <= MOST_ARRAYS and all(isinstance(x, _Notes) for x in value):
        arrays = [_array(x) for x in value]
        if len({(x.shape, x.dtype) for x in arrays}) > 1:
            raise ValueError("its arrays have different shapes or types")
        return np.stack(arrays)
    raise ValueError(f"expected a NumPy array, or a list of them, found a {type(value).__name__}")


class _Refused(Exception):
    pass


class _DtypeNotes:
    """The record of a pickled ``numpy.dtype``: its name and byte order."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        self.name = name
        self.order = "|"

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(x is not None for x in state[2:5]):
            raise _Refused("it holds an array of records")
        self.order = state[1]

    def dtype(self) -> np.dtype:
        name = self.name.decode("ascii", "replace") if isinstance(self.name, bytes) else self.name
        if not isinstance(name, str) or name[:1] not in "fiub" or not name[1:].isdigit() or self.order not in "<>|=":
            raise ValueError(f"expected an array of numbers, found the type {str(name)[:20]!r}")
        order: Any = self.order
        try:
            return np.dtype(name).newbyteorder(order)
        except TypeError:
            raise ValueError(f"there is no type {name[:20]!r}") from None


class _Notes:
    """The record of a pickled ``numpy.ndarray``."""

    state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _reconstruct(*_: Any) -> _Notes:
    return _Notes()


def _from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any = "C", *_: Any) -> _Notes:
    """How NumPy writes arrays from protocol 5 on."""
    notes = _Notes()
    notes.state = (1, shape, dtype, order == "F", bytes(buffer) if isinstance(buffer, bytes | bytearray) else None)
    return notes


def _encode(text: Any, encoding: Any = None) -> bytes:
    """How protocols before 3 write bytes."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise _Refused("it holds something other than arrays")
    return text.encode("latin-1")


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Notes,
    ("numpy", "dtype"): _DtypeNotes,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        known = _KNOWN.get((module, name))
        if known is None:
            raise _Refused(f"it names {f'{module}.{name}'[:60]}, which is not part of a NumPy array; it was not run")
        return known


def _array(notes: _Notes) -> np.ndarray:
    state = notes.state
    if not isinstance(state, tuple) or len(state) != 5:
        raise ValueError("its array is damaged")
    _, shape, dtype, fortran, data = state
    if not isinstance(dtype, _DtypeNotes) or not isinstance(data, bytes) or not isinstance(shape, tuple):
        raise ValueError("it holds an array of objects, or a damaged one")
    kind = dtype.dtype()
    sound = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**40 for n in shape) and len(shape) <= 32
    if not sound or prod(shape) * kind.itemsize != len(data):
        raise ValueError(f"{len(data)} bytes are not an array of {str(shape)[:60]}")
    flat = np.frombuffer(data, kind)
    return flat.reshape(shape[::-1]).T.copy() if fortran else flat.reshape(shape).copy()
