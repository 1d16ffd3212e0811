"""What ``vn prepare`` keeps beside the shards so that it can resume after a kill and end in the same bytes.

DATA/.prepare/configuration.json    what the data are made from; other data are refused
DATA/.prepare/train-00000.json      a complete shard: its entry in the manifest, its sums and warnings
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.feature_statistics import Sums
from vn.data.manifest import NAME
from vn.data.manifest_fields import SPLITS
from vn.data.sample_files import remove_columns
from vn.data.shard_entries import ShardEntry
from vn.errors import InputError, show
from vn.io.atomic import PARTIAL, atomic_write
from vn.io.files import read_json
from vn.io.lock import NAME as LOCK
from vn.io.lock import claim

FOLDER = ".prepare"


@dataclass(slots=True)
class ShardRecord:
    """A complete shard.

    Attributes:
        videos: id and fingerprint of each of its videos, bad ones included.
        entry: entry in the manifest; None if no video of the shard could be used.
        sums: sums of its features.
        warnings: warnings about its videos.
        bad: videos that could not be used, and why.
    """

    videos: list[list[str]]
    entry: ShardEntry | None
    sums: Sums
    warnings: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


class PrepareState:
    """The records of one ``vn prepare``, in the data folder.

    Args:
        folder: the data folder.
        configuration: everything that the data are made from, as JSON values, except the videos, whose fingerprints
            are in each shard's record.
        earlier: the same as recorded by earlier versions of the code, whose finished data are accepted as they are.

    Attributes:
        is_earlier: after `claim`, whether the folder has such data.
    """

    def __init__(
        self, folder: Path, configuration: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._earlier = earlier
        self.is_earlier = False
        self.folder = folder
        self.records = folder / FOLDER
        self.configuration = dict(configuration)
        self.hash = _digest(self.configuration)

    @contextmanager
    def claim(self, overwrite: bool = False) -> Iterator[None]:
        """Create the folder, or resume an earlier run there; other processes are kept out meanwhile.

        Raises:
            InputError: the folder holds something else, or data of another configuration (and `overwrite` is off),
                or another process is at work there.
        """
        with claim(self.folder, "vn prepare"):
            self._refuse_foreign(overwrite)
            try:
                self.records.mkdir(exist_ok=True)
            except OSError as error:
                raise InputError(error.strerror or "cannot be written", file=self.folder) from None
            if overwrite:
                self._clear()
            self._agree()
            yield

    def load(self, name: str, videos: list[list[str]]) -> ShardRecord | None:
        """The record of a shard, if it is complete and its videos are unchanged; else None."""
        try:
            data = json.loads((self.records / f"{name}.json").read_bytes())
            if data.pop("sum_of_this") != _digest(data):
                return None
            if data["configuration"] != self.hash or data["videos"] != videos:
                return None
            entry = ShardEntry.from_dict(data["shard"], 0) if data["shard"] else None
            if entry and (self.folder / entry.file).stat().st_size != entry.bytes:
                return None
            sums = Sums(data["count"], np.array(data["sum"]), np.array(data["squares"]))
            return ShardRecord(videos, entry, sums, data["warnings"], data["bad"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None  # an unreadable record counts as missing: the shard is written again

    def save(self, name: str, record: ShardRecord) -> None:
        """Save the record of a shard, whose file is complete already."""
        data = {
            "configuration": self.hash,
            "videos": record.videos,
            "shard": record.entry.to_dict() if record.entry else None,
            "count": record.sums.count,
            "sum": record.sums.sum.tolist(),
            "squares": record.sums.squares.tolist(),
            "warnings": record.warnings,
            "bad": record.bad,
        }
        data["sum_of_this"] = _digest(data)  # so that a damaged record is recognised
        with atomic_write(self.records / f"{name}.json") as file:
            file.write(json.dumps(data, ensure_ascii=False).encode())

    def unfinish(self) -> None:
        """Remove the manifest: a folder without one is unfinished."""
        (self.folder / NAME).unlink(missing_ok=True)

    def _refuse_foreign(self, overwrite: bool) -> None:
        ours = (self.records / "configuration.json").exists()
        if not ours and not overwrite:
            strangers = [entry.name for entry in self.folder.iterdir() if entry.name not in (FOLDER, LOCK)]
            if strangers:
                raise InputError(
                    f"holds other files already ({min(strangers)}): choose another folder, or add --overwrite to "
                    "replace the shards and the manifest in it",
                    file=self.folder,
                )

    def _agree(self) -> None:
        file = self.records / "configuration.json"
        if file.exists():
            theirs = read_json(file)
            if theirs in self._earlier and (self.folder / NAME).exists():
                self.configuration, self.hash, self.is_earlier = theirs, _digest(theirs), True
                return
            if theirs != self.configuration:
                changed = ", ".join(_differences(theirs, self.configuration))
                raise InputError(
                    f"holds data of another configuration ({changed}): choose another folder, or add --overwrite",
                    file=self.folder,
                )
            return
        with atomic_write(file) as out:
            out.write(json.dumps(self.configuration, indent=1, sort_keys=True).encode())

    def _clear(self) -> None:
        """Remove what an earlier run wrote, and nothing else."""
        self.unfinish()
        for split in SPLITS:
            for pattern in (f"{split}-*.tar", f"{split}-*.tar{PARTIAL}"):
                for file in self.folder.glob(pattern):
                    file.unlink()
        remove_columns(self.folder)
        for file in self.records.glob("*.json*"):
            file.unlink()


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _differences(old: Any, new: Any, name: str = "") -> list[str]:
    """What changed between two configurations, field by field."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [d for key in keys for d in _differences(old.get(key), new.get(key), f"{name}.{key}" if name else key)]
    if old == new:
        return []
    if name == "stories":
        return ["other stories or splits"]
    return [f"{name or 'all'} was {show(old)}, now {show(new)}"]
