"""``vn prepare`` into a remote folder: shards are written here, then uploaded; the state by which it resumes is there.

    shard written on this machine -> uploaded -> removed here -> its record uploaded ... -> manifest uploaded

So a run that was killed is continued from any machine. Stores have no locks. Two runs with the same configuration write
the same bytes, and do no harm; the configuration is written first, under the condition that there is none, so that one
with another configuration is refused, and a run that was overtaken by another one with ``--overwrite`` stops at its
next shard; the one that was on its way may replace the other run's, which every reader notices by its checksum.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from vn.data.manifest import NAME, Manifest
from vn.data.manifest_fields import SPLITS
from vn.data.prepare_state import PrepareState
from vn.data.sample_files import FOLDER as COLUMNS
from vn.data.shard_records import CONFIGURATION, FOLDER, Records, ShardRecord, digest
from vn.errors import InputError
from vn.io import cache
from vn.io.atomic import atomic_write
from vn.io.lock import NAME as LOCK
from vn.io.remote import RemoteFolder, open_folder
from vn.io.stores import MissingFile


def open_state(
    folder: str | Path, configuration: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]] = ()
) -> PrepareState:
    """The state of a data folder by its path or URL; see `PrepareState`."""
    place = open_folder(folder)
    kind = RemoteState if isinstance(place, RemoteFolder) else PrepareState
    return kind(place, configuration, earlier)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class RemoteRecords(Records):
    """The records in a remote data folder; `data` is the folder on this machine where shards are written first.

    Attributes:
        remote: the data folder.
    """

    remote: RemoteFolder

    @property
    def place(self) -> RemoteFolder:
        """See `Records.place`."""
        return self.remote

    def __reduce__(self) -> tuple[Any, ...]:  # on another machine, with a folder there
        return _here, (self.remote, self.configuration)

    def load(self, name: str, videos: list[list[str]]) -> ShardRecord | None:
        """See `Records.load`."""
        try:
            text = (self.remote / f"{FOLDER}/{name}.json").read_new()
        except MissingFile:
            return None
        record = self.parse(text, videos)
        if record and record.entry and (self.remote / record.entry.file).size() != record.entry.bytes:
            return None
        return record

    def save(self, name: str, record: ShardRecord) -> None:
        """Upload a shard, whose file here is then removed, and its record."""
        if record.entry:
            here = self.data / record.entry.file
            (self.remote / record.entry.file).put(here)
            here.unlink(missing_ok=True)
        (self.remote / f"{FOLDER}/{name}.json").write(self.text(record))

    def is_current(self) -> bool:
        """See `Records.is_current`."""
        try:
            return digest(json.loads((self.remote / f"{FOLDER}/{CONFIGURATION}").read_new())) == self.configuration
        except (MissingFile, ValueError, RecursionError):
            return False


class RemoteState(PrepareState):
    """The state of one ``vn prepare`` in a remote data folder.

    Args:
        remote: the data folder.
        configuration: see `PrepareState`.
        earlier: see `PrepareState`.

    Raises:
        InputError: it cannot be written.
    """

    def __init__(
        self, remote: RemoteFolder, configuration: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        super().__init__(scratch(remote), configuration, earlier)
        self.remote = remote
        self.records = _here(remote, self.records.configuration)
        self.place = remote
        remote.names()  # says so now if it can only be read

    @contextmanager
    def claim(self, overwrite: bool = False) -> Iterator[None]:
        """See `PrepareState.claim`; other runs on this machine are kept out."""
        with self._named(), super().claim(overwrite):
            yield
            for path in self.folder.iterdir():  # all of it is there by now
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != LOCK:
                    path.unlink()

    @contextmanager
    def join(self, part: int, parts: int) -> Iterator[None]:
        """See `PrepareState.join`; the same part of another machine is not seen, and writes the same bytes."""
        with self._named(), super().join(part, parts):
            yield

    def unfinish(self) -> None:
        """See `PrepareState.unfinish`."""
        (self.remote / NAME).remove()
        super().unfinish()

    def finish(self, manifest: Manifest) -> None:
        """See `PrepareState.finish`."""
        if not self.records.is_current():
            raise InputError("has other data by now: another run has replaced these", file=self.remote)
        super().finish(manifest)
        for path in (*sorted(self.folder.glob("*/*.npy")), self.folder / NAME):
            (self.remote / path.relative_to(self.folder).as_posix()).put(path)

    def _open(self, overwrite: bool) -> None:
        """Take over what is there, and nothing that an earlier run left here."""
        for name in (f"{FOLDER}/{CONFIGURATION}", NAME):
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            try:
                text = (self.remote / name).read_new()
            except MissingFile:
                path.unlink(missing_ok=True)
                continue
            with atomic_write(path, own=True) as file:
                file.write(text)
        super()._open(overwrite)

    def _strangers(self) -> list[str]:
        return [name for name in self.remote.names() if name != FOLDER]

    def _agree(self) -> None:
        known = (self.records.folder / CONFIGURATION).exists()
        super()._agree()
        self.records = _here(self.remote, self.records.configuration)
        if known:
            return
        text = (self.records.folder / CONFIGURATION).read_bytes()
        there = self.remote / f"{FOLDER}/{CONFIGURATION}"
        if not there.write(text, new=True):  # another run was faster, a moment ago
            (self.records.folder / CONFIGURATION).write_bytes(there.read_new())
            super()._agree()

    def _clear(self) -> None:
        super()._clear()
        ours = [f"{split}-*.tar" for split in SPLITS]
        for name in self.remote.names():
            if any(fnmatch(name, pattern) for pattern in ours):
                (self.remote / name).remove()
        for name in self.remote.names(COLUMNS):
            (self.remote / f"{COLUMNS}/{name}").remove()
        for name in self.remote.names(FOLDER):
            (self.remote / f"{FOLDER}/{name}").remove()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Errors about the folder here name the one that it is for."""
        try:
            yield
        except InputError as error:
            if str(self.folder) not in str(error):
                raise
            raise InputError(str(error).replace(str(self.folder), str(self.remote))) from None


def scratch(remote: RemoteFolder) -> Path:
    """The folder on this machine for a remote one; named by a hash, so that no URL clashes or is read from it."""
    return cache.CACHE / "prepare" / hashlib.sha256(remote.name.encode()).hexdigest()[:16]


def _here(remote: RemoteFolder, configuration: str) -> RemoteRecords:
    folder = scratch(remote)
    folder.mkdir(parents=True, exist_ok=True)
    return RemoteRecords(folder, configuration, remote)
