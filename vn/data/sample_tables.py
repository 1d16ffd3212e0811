"""From the shards in ``manifest.json`` and the columns beside it to shards with their samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vn.data.sample_checks import check_columns
from vn.data.sample_files import Columns, open_columns
from vn.data.samples import NUMBERS, Samples, Table, divided
from vn.data.shard_entries import ShardEntry
from vn.io.remote import Folder


def open_shards(
    folder: Folder,
    shards: Mapping[str, Sequence[tuple[ShardEntry, int]]],
    sums: Mapping[str, str],
    again: Callable[[str], Callable[[], Table]],
) -> dict[str, Sequence[ShardEntry]]:
    """Open the columns of a data folder, check them, and divide them among its shards.

    Args:
        folder: the data folder.
        shards: the shards of each split without samples, and how many each has.
        sums: the sha256 of each column's file.
        again: for a split, what opens its samples once more in another process.

    Raises:
        InputError: a column is missing, damaged or contradicts itself or the shards.
    """
    every = [each for split in shards.values() for each in split]
    columns = open_columns(folder, sums, sum(count for _, count in every))
    counts = np.array([count for _, count in every], np.int64)
    check_columns(columns, np.repeat(np.array([shard.bytes for shard, _ in every], np.int64), counts), folder)
    splits: dict[str, Sequence[ShardEntry]] = {}
    start = 0
    for split, counted in shards.items():
        stop = start + sum(count for _, count in counted)
        table = _table(columns, start, stop, counted, again(split))
        splits[split] = divided(Samples(table), [shard for shard, _ in counted], [count for _, count in counted])
        start = stop
    return splits


def _table(
    columns: Columns, start: int, stop: int, shards: Sequence[tuple[ShardEntry, int]], again: Callable[[], Table]
) -> Table:
    return Table(
        letters=columns["key"],
        key_at=columns["key_at"][start : stop + 1],
        numbers={name: columns[name][start:stop] for name in NUMBERS},
        shard=np.repeat(np.arange(len(shards)), np.array([count for _, count in shards], np.int64)),
        shards=tuple(shard.file for shard, _ in shards),
        again=again,
    )
