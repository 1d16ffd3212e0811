"""The records of complete shards, by which ``vn prepare`` resumes: the process that writes a shard writes its record.

DATA/.prepare/configuration.json    what the data are made from; other data are refused
DATA/.prepare/train-00000.json      a complete shard: its entry in the manifest, its sums and warnings
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.feature_statistics import Sums
from vn.data.shard_entries import ShardEntry
from vn.io.atomic import atomic_write
from vn.io.remote import Folder

FOLDER = ".prepare"
CONFIGURATION = "configuration.json"


@dataclass(slots=True)
class ShardRecord:
    """A complete shard.

    Attributes:
        videos: id and fingerprint of each of its videos, bad ones included.
        entry: entry in the manifest; None if no video of the shard could be used.
        sums: sums of its features.
        warnings: warnings about its videos.
        bad: videos that could not be used, and why, in the order of `videos`.
    """

    videos: list[list[str]]
    entry: ShardEntry | None
    sums: Sums
    warnings: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)

    def outcomes(self) -> Iterator[tuple[str, int, str | None]]:
        """Each video's id and its frames, or why it could not be used."""
        frames = {sample.key: sample.frames for sample in self.entry.samples} if self.entry else {}
        bad = iter(self.bad)
        for sample, _ in self.videos:
            yield (sample, frames[sample], None) if sample in frames else (sample, 0, next(bad, "not used"))


@dataclass(frozen=True, slots=True)
class Records:
    """The records in a data folder, for the process that plans the shards and for those that write them.

    Attributes:
        data: the data folder.
        configuration: hash of what the data are made from; records of other data do not count.
    """

    data: Path
    configuration: str

    @property
    def place(self) -> Folder:
        """The data folder, for messages."""
        return self.data

    @property
    def folder(self) -> Path:
        """The folder of the records."""
        return self.data / FOLDER

    def load(self, name: str, videos: list[list[str]]) -> ShardRecord | None:
        """The record of a shard, if it is complete and its videos are unchanged; else None."""
        try:
            record = self.parse((self.folder / f"{name}.json").read_bytes(), videos)
            if record and record.entry and (self.data / record.entry.file).stat().st_size != record.entry.bytes:
                return None
        except OSError:
            return None
        return record

    def save(self, name: str, record: ShardRecord) -> None:
        """Save the record of a shard, whose file is complete already."""
        with atomic_write(self.folder / f"{name}.json", own=True) as file:
            file.write(self.text(record))

    def parse(self, text: bytes, videos: list[list[str]]) -> ShardRecord | None:
        """The record that a file holds, if it is of these videos and this configuration; else None."""
        try:
            data = json.loads(text)
            if data.pop("sum_of_this") != digest(data):
                return None
            if data["configuration"] != self.configuration or data["videos"] != videos:
                return None
            entry = ShardEntry.from_dict(data["shard"], 0) if data["shard"] else None
            sums = Sums(data["count"], np.array(data["sum"]), np.array(data["squares"]))
            return ShardRecord(videos, entry, sums, data["warnings"], data["bad"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None  # an unreadable record counts as missing: the shard is written again

    def text(self, record: ShardRecord) -> bytes:
        """What the file of a record holds."""
        data = {
            "configuration": self.configuration,
            "videos": record.videos,
            "shard": record.entry.to_dict() if record.entry else None,
            "count": record.sums.count,
            "sum": record.sums.sum.tolist(),
            "squares": record.sums.squares.tolist(),
            "warnings": record.warnings,
            "bad": record.bad,
        }
        data["sum_of_this"] = digest(data)  # so that a damaged record is recognised
        return json.dumps(data, ensure_ascii=False).encode()

    def is_current(self) -> bool:
        """Whether the folder is there and is still for these data: another run may have replaced them meanwhile."""
        try:
            return digest(json.loads((self.folder / CONFIGURATION).read_bytes())) == self.configuration
        except (OSError, ValueError, RecursionError):
            return False


def digest(data: Any) -> str:
    """Hash of JSON values."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
