"""Refuses samples that no shard can hold: impossible values would make endless loops or huge buffers.

Whole columns are checked at once: 100,000 samples in a fraction of a second.
"""

from __future__ import annotations

import string

import numpy as np

from vn.data.sample_files import Columns, file_of
from vn.data.samples import NO_CHECKSUM, NUMBERS
from vn.errors import InputError, show
from vn.io.remote import Folder
from vn.story import KEY_RULE

LONGEST_KEY = 200
LARGEST = 2**62  # above any count; the sum of two still fits into 64 bits
LETTERS = (string.ascii_letters + string.digits + "_-").encode()  # those that keys may have, see `vn.story.KEY`


def check_columns(columns: Columns, sizes: np.ndarray, folder: Folder) -> None:
    """Refuse what no shard can hold.

    Args:
        columns: all columns, of the right types and lengths.
        sizes: the bytes of each sample's shard, ``[N]`` int64.
        folder: the data folder.

    Raises:
        InputError: naming the column's file, the sample and the field.
    """
    _check_keys(columns["key"], columns["key_at"], folder)

    def refuse(bad: np.ndarray, field: str, message: str = "cannot be {}") -> None:
        if bad.any():
            sample = int(bad.argmax())
            start, stop = columns["key_at"][sample : sample + 2]
            key = columns["key"][start:stop].tobytes().decode("ascii")
            value = show(columns[field][sample].item())
            raise InputError(message.format(value), file=folder / file_of(field), sample=key, field=field)

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


def _check_keys(letters: np.ndarray, at: np.ndarray, folder: Folder) -> None:
    lengths = np.diff(at)
    if at[0] != 0 or at[-1] != len(letters) or ((lengths < 1) | (lengths > LONGEST_KEY)).any():
        message = f"does not divide {file_of('key')} into keys: {KEY_RULE}"
        raise InputError(message, file=folder / file_of("key_at"))
    text = letters.tobytes()
    if wrong := text.translate(None, LETTERS):
        sample = int(np.searchsorted(at, text.index(wrong[:1]), side="right")) - 1
        key = text[at[sample] : at[sample + 1]].decode("ascii", "replace")
        raise InputError(f"{show(key)} is not a video's key: {KEY_RULE}", file=folder / file_of("key"), sample=key)
    for length in np.unique(lengths).tolist():  # keys of one length at a time, so that they are sorted as one array
        begin = at[:-1][lengths == length]
        keys = np.empty((len(begin), length), np.uint8)
        for place in range(length):
            keys[:, place] = letters[begin + place]
        ordered = keys.view(f"S{length}").ravel()
        ordered.sort()
        if (same := ordered[1:] == ordered[:-1]).any():
            key = ordered[1:][same][0].decode("ascii")
            raise InputError("appears twice", file=folder / file_of("key"), sample=key)
