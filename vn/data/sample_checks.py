"""Refuses samples that no shard can hold: impossible values would make endless loops or huge buffers.

Whole columns are checked at once: 100,000 samples in a fraction of a second.
"""

from __future__ import annotations

import string

import numpy as np

from vn.data.sample_files import Columns, Local, file_of
from vn.data.samples import NO_CHECKSUM, NUMBERS
from vn.errors import InputError, show
from vn.story import KEY_RULE

LONGEST_KEY = 200
LARGEST = 2**62  # above any count; the sum of two still fits into 64 bits
_IN_KEYS = np.isin(np.arange(256), [ord(letter) for letter in string.ascii_letters + string.digits + "_-"])


def check_columns(columns: Columns, sizes: np.ndarray, local: Local) -> None:
    """Refuse what no shard can hold.

    Args:
        columns: all columns, of the right types and lengths.
        sizes: the bytes of each sample's shard, ``[N]`` int64.
        local: gives the path of a file of the data folder, for errors.

    Raises:
        InputError: naming the column's file, the sample and the field.
    """
    letters, at = columns["key"], columns["key_at"]

    def refuse(bad: np.ndarray, field: str, message: str = "cannot be {}") -> None:
        if not bad.any():
            return
        sample = int(bad.argmax())
        key = letters[max(0, at[sample]) : max(0, at[sample + 1])][:LONGEST_KEY].tobytes().decode("ascii", "replace")
        value = show(columns[field][sample].item()) if field in NUMBERS else show(key)
        raise InputError(
            message.format(value), file=local(file_of(field)), sample=key or f"sample {sample}", field=field
        )

    lengths = np.diff(at)
    if at[0] != 0 or at[-1] != len(letters) or ((lengths < 1) | (lengths > LONGEST_KEY)).any():
        raise InputError(f"does not divide {file_of('key')} into keys: {KEY_RULE}", file=local(file_of("key_at")))
    wrong = np.zeros(len(lengths), bool)
    wrong[np.searchsorted(at, np.flatnonzero(~_IN_KEYS[letters]), side="right") - 1] = True
    refuse(wrong, "key", f"{{}} is not a video's key: {KEY_RULE}")
    for field in NUMBERS:
        column = columns[field]
        least, most = {"crc32": (NO_CHECKSUM, 2**32), "seconds": (0, 1e300)}.get(field, (0, LARGEST))
        refuse(~((column >= least) & (column < most)), field)  # not a number is in no range
    end = columns["offset"] + columns["bytes"]
    refuse(end > sizes, "offset", "{} and its bytes are beyond the end of its shard")
    refuse(columns["narrated"] > columns["clips"], "narrated", "{} are more than its clips")
    refuse(columns["frames"] < 1, "frames")
    for field in ("frames", "clips", "characters"):
        refuse(columns[field] > columns["bytes"], field, "{} are more than its bytes can hold")
    if (number := _twice(letters, at)) is not None:
        twice = np.zeros(len(lengths), bool)
        twice[number] = True
        refuse(twice, "key", "{} appears twice")


def _twice(letters: np.ndarray, at: np.ndarray) -> int | None:
    """The number of a sample whose key another sample has too; None if there is none."""
    lengths = np.diff(at)
    for length in np.unique(lengths).tolist():  # of the same length each, so that they can be sorted as one array
        rows = np.flatnonzero(lengths == length)
        keys = np.empty((len(rows), length), np.uint8)
        for place in range(length):
            keys[:, place] = letters[at[rows] + place]
        whole = keys.view(f"S{length}").ravel()
        order = np.argsort(whole, kind="stable")
        same = np.flatnonzero(whole[order][1:] == whole[order][:-1])
        if len(same):
            return int(rows[order[same + 1]].min())
    return None
