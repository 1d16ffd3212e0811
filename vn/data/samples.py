"""The samples of a split as a sequence over columns: an entry is made when it is asked for, and not kept.

Columns are NumPy arrays, memory-mapped if they come from a data folder (`vn.data.sample_files`). So 100,000 samples
cost a process a few objects, and processes share the rest (docs/design.md#manifest).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, overload

import numpy as np

from vn.data.shard_entries import SampleEntry, ShardEntry

NUMBERS = {
    **dict.fromkeys(("offset", "bytes", "clips", "narrated", "frames"), "<i8"),
    "seconds": "<f8",
    **dict.fromkeys(("characters", "crc32"), "<i8"),
}
NO_CHECKSUM = -1  # in the column crc32
AT_ONCE = 1024  # entries that an iteration makes from one piece of each column


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The samples of one split, column by column.

    Attributes:
        letters: the keys, one after another, ``[bytes]`` uint8.
        key_at: where each key begins in `letters`, and where the last one ends, ``[N + 1]`` int64.
        numbers: the other fields of `SampleEntry` by name, ``[N]`` each, of the types in `NUMBERS`.
        shard: number of each sample's shard in the split, ``[N]`` int64.
        shards: file names of the split's shards.
        again: reads the table from its folder once more, in a process that gets it pickled; None if it is of no folder.
    """

    letters: np.ndarray
    key_at: np.ndarray
    numbers: dict[str, np.ndarray]
    shard: np.ndarray
    shards: tuple[str, ...]
    again: Callable[[], Table] | None = None


class Samples(Sequence[SampleEntry]):
    """Consecutive samples of a table.

    A pickle has its folder's path and hash if it has a folder, and the columns otherwise.

    Args:
        table: the samples of a split.
        start: the first of them.
        stop: behind the last of them; None for the end.
    """

    __slots__ = ("start", "stop", "table")

    def __init__(self, table: Table, start: int = 0, stop: int | None = None) -> None:
        self.table = table
        self.start = start
        self.stop = len(table.shard) if stop is None else stop

    def column(self, name: str) -> np.ndarray:
        """A field of all samples, ``[N]``: one of `NUMBERS`, or ``shard_index``; not to be written to."""
        return (self.table.shard if name == "shard_index" else self.table.numbers[name])[self.start : self.stop]

    def letters(self) -> tuple[np.ndarray, np.ndarray]:
        """The keys of all samples, one after another, and where each begins and the last one ends; see `Table`."""
        at = self.table.key_at[self.start : self.stop + 1]
        return self.table.letters[at[0] : at[-1]], at - at[0]

    def keys(self) -> list[str]:
        """The keys of all samples."""
        letters, at = self.letters()
        text, ends = letters.tobytes().decode("ascii"), at.tolist()
        return [text[a:b] for a, b in pairwise(ends)]

    def find(self, key: str) -> int | None:
        """The number of the sample with a key; None if there is none."""
        letters, at = self.letters()
        wanted = key.encode()
        begin = at[:-1][np.diff(at) == len(wanted)]
        for place, letter in enumerate(wanted):
            begin = begin[letters[begin + place] == letter]
        return int(np.searchsorted(at, begin[0])) if len(begin) else None

    def __len__(self) -> int:
        return self.stop - self.start

    @overload
    def __getitem__(self, index: int) -> SampleEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Samples: ...
    def __getitem__(self, index: int | slice) -> SampleEntry | Samples:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError(f"a part of the samples is a run of them, so the step is 1, not {step}")
            return Samples(self.table, self.start + start, self.start + max(start, stop))
        number = range(self.start, self.stop)[index]
        return next(self._entries(number, number + 1))

    def __iter__(self) -> Iterator[SampleEntry]:
        for start in range(self.start, self.stop, AT_ONCE):
            yield from self._entries(start, min(self.stop, start + AT_ONCE))

    def _entries(self, start: int, stop: int) -> Iterator[SampleEntry]:
        keys, shards = Samples(self.table, start, stop).keys(), self.table.shard[start:stop].tolist()
        lists = [column[start:stop].tolist() for column in self.table.numbers.values()]
        for key, shard, *values in zip(keys, shards, *lists, strict=True):
            fields = dict(zip(self.table.numbers, values, strict=True))
            if fields["crc32"] == NO_CHECKSUM:
                fields["crc32"] = None
            yield SampleEntry(key=key, shard=self.table.shards[shard], shard_index=shard, **fields)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Samples):
            mine, theirs = self._arrays(), other._arrays()
            return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def _arrays(self) -> list[np.ndarray]:
        shards = np.array(self.table.shards, np.str_)[self.column("shard_index")]
        return [*self.letters(), shards, self.column("shard_index"), *map(self.column, NUMBERS)]

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        if self.table.again is None:
            return Samples, (self.table, self.start, self.stop)
        return _read_again, (self.table.again, self.start, self.stop)


def _read_again(again: Callable[[], Table], start: int, stop: int) -> Samples:
    return Samples(again(), start, stop)


def in_columns(shards: Sequence[ShardEntry]) -> tuple[Samples, tuple[ShardEntry, ...]]:
    """The samples of a split as one sequence over columns, and its shards with their parts of it.

    Shards whose samples are such parts already are not copied. The shard and its number in each sample's entry become
    those of the shard that has it.
    """
    table = _common_table(shards)
    if table is not None:
        return Samples(table), tuple(shards)
    samples = Samples(_table(shards))
    return samples, divided(samples, shards, [len(shard.samples) for shard in shards])


def divided(samples: Samples, shards: Sequence[ShardEntry], counts: Sequence[int]) -> tuple[ShardEntry, ...]:
    """The shards of a split, with their samples as parts of the split's.

    Args:
        samples: the samples of the split.
        shards: its shards.
        counts: how many samples each has.
    """
    ends = np.cumsum([0, *counts]).tolist()
    return tuple(
        ShardEntry(shard.file, shard.sha256, shard.bytes, Samples(samples.table, start, stop))
        for shard, (start, stop) in zip(shards, pairwise(ends), strict=True)
    )


def _common_table(shards: Sequence[ShardEntry]) -> Table | None:
    """The table that the samples of shards are parts of, if they are all of it, in order."""
    end, tables = 0, []
    for shard in shards:
        if not isinstance(shard.samples, Samples) or shard.samples.start != end:
            return None
        end = shard.samples.stop
        tables.append(shard.samples.table)
    if not tables or any(table is not tables[0] for table in tables) or end != len(tables[0].shard):
        return None
    return tables[0] if tables[0].shards == tuple(shard.file for shard in shards) else None


def _table(shards: Sequence[ShardEntry]) -> Table:
    entries = [entry for shard in shards for entry in shard.samples]
    numbers = {
        name: np.array([getattr(entry, name) for entry in entries], dtype)
        for name, dtype in NUMBERS.items()
        if name != "crc32"
    }
    sums = [NO_CHECKSUM if entry.crc32 is None else entry.crc32 for entry in entries]
    keys = [entry.key for entry in entries]
    return Table(
        letters=np.frombuffer("".join(keys).encode("ascii"), np.uint8),
        key_at=np.cumsum([0, *map(len, keys)], dtype=np.int64),
        numbers={**numbers, "crc32": np.array(sums, NUMBERS["crc32"])},
        shard=np.repeat(np.arange(len(shards)), np.array([len(shard.samples) for shard in shards], np.int64)),
        shards=tuple(shard.file for shard in shards),
    )
