"""Who may write into the data folder of ``vn prepare``, and what it is made from, so that runs resume and never mix."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vn.data.manifest import NAME, Manifest
from vn.data.manifest_fields import SPLITS
from vn.data.sample_files import remove_columns
from vn.data.shard_records import CONFIGURATION, FOLDER, Records, digest
from vn.errors import InputError, show
from vn.io.atomic import PARTIAL, atomic_write
from vn.io.files import read_json
from vn.io.lock import NAME as LOCK
from vn.io.lock import claim
from vn.io.remote import Folder


class PrepareState:
    """The state of one ``vn prepare`` in its data folder.

    Args:
        folder: the data folder.
        configuration: everything that the data are made from, as JSON values, except the videos, whose fingerprints
            are in each shard's record.
        earlier: the same as recorded by earlier versions of the code, whose finished data are accepted as they are.

    Attributes:
        place: the data folder, for messages.
        records: records of the complete shards; after a claim, those that count.
        is_earlier: after a claim, whether the folder has data of an earlier version.
    """

    def __init__(
        self, folder: Path, configuration: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._earlier = earlier
        self.is_earlier = False
        self.folder = folder
        self.place: Folder = folder
        self.configuration = dict(configuration)
        self.records = Records(folder, digest(self.configuration))

    @contextmanager
    def claim(self, overwrite: bool = False) -> Iterator[None]:
        """Create the folder, or resume an earlier run there; other runs, and parts of runs, are kept out meanwhile.

        Raises:
            InputError: the folder holds something else, or data of another configuration (and `overwrite` is off),
                or another process is at work there.
        """
        with claim(self.folder, "vn prepare"):
            self._open(overwrite)
            self._sweep()
            yield
            self._sweep()

    @contextmanager
    def join(self, part: int, parts: int) -> Iterator[None]:
        """Write one of several parts of the shards: other parts may be at work in the folder, but no other run.

        Raises:
            InputError: as for `claim`, or the same part is at work already.
        """
        who = f"vn prepare --part {part}/{parts}"
        with claim(self.folder, who, shared=True):
            self._open(overwrite=False)
            with claim(self.records.folder / f"part-{part}-of-{parts}", who):
                yield

    def _open(self, overwrite: bool) -> None:
        self._refuse_foreign(overwrite)
        try:
            self.records.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(error.strerror or "cannot be written", file=self.folder) from None
        if overwrite:
            self._clear()
        self._agree()

    def unfinish(self) -> None:
        """Remove the manifest: a folder without one is unfinished."""
        (self.folder / NAME).unlink(missing_ok=True)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest: the folder is complete."""
        manifest.save(self.folder)

    def _strangers(self) -> list[str]:
        """What is in a folder that has no configuration."""
        return [entry.name for entry in self.folder.iterdir() if entry.name not in (FOLDER, LOCK)]

    def _refuse_foreign(self, overwrite: bool) -> None:
        ours = (self.records.folder / CONFIGURATION).exists()
        if not ours and not overwrite:
            strangers = self._strangers()
            if strangers:
                raise InputError(
                    f"holds other files already ({min(strangers)}): choose another folder, or add --overwrite to "
                    "replace the shards and the manifest in it",
                    file=self.folder,
                )

    def _agree(self) -> None:
        file = self.records.folder / CONFIGURATION
        if file.exists():
            theirs = read_json(file)
            if theirs in self._earlier and (self.folder / NAME).exists():
                self.configuration, self.is_earlier = theirs, True
                self.records = Records(self.folder, digest(theirs))
                return
            if theirs != self.configuration:
                changed = ", ".join(_differences(theirs, self.configuration))
                raise InputError(
                    f"holds data of another configuration ({changed}): choose another folder, or add --overwrite",
                    file=self.folder,
                )
            return
        with atomic_write(file, own=True) as out:
            out.write(json.dumps(self.configuration, indent=1, sort_keys=True).encode())

    def _clear(self) -> None:
        """Remove what an earlier run wrote, and nothing else."""
        self.unfinish()
        for split in SPLITS:
            for file in self.folder.glob(f"{split}-*.tar"):
                file.unlink()
        remove_columns(self.folder)
        for file in self.records.folder.glob("*.json"):
            file.unlink()
        self._sweep()

    def _sweep(self) -> None:
        """Remove what processes that were killed had begun to write."""
        files = [file for split in SPLITS for file in self.folder.glob(f"{split}-*.tar*{PARTIAL}")]
        for file in (*files, *self.records.folder.glob(f"*{PARTIAL}")):
            file.unlink(missing_ok=True)


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
