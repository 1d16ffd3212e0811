"""``manifest.json`` and ``samples/``: the contents of a folder of shards, sample by sample; plain Python and NumPy.

``manifest.json`` is written last and atomically, so a folder without one is unfinished. It has the hash of each column
in ``samples/`` (docs/design.md#manifest).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.manifest_fields import FORMAT, JSON_ONLY, SPLITS, ManifestFields
from vn.data.sample_files import write_columns
from vn.data.sample_tables import open_shards
from vn.data.samples import Samples, Table, in_columns
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.errors import InputError
from vn.io.atomic import atomic_write
from vn.io.files import parse_json, read_text
from vn.io.remote import Folder, RemoteFolder, fetch, open_folder
from vn.io.stores import MissingFile

NAME = "manifest.json"


@dataclass(slots=True)
class Manifest:
    """A folder of shards.

    Attributes:
        encoder: id, settings and weights_sha256 of the frame encoder.
        similarity_threshold: the encoder's tau, for features as the model sees them.
        standardise: whether the model standardises features with `statistics`.
        tokens: T, tokens per frame.
        width: D, width of a token.
        statistics: ``mean`` and ``std``, ``[D]`` float64 each, over all tokens of the train split.
        language: language of the stories (of most of them, if they are mixed).
        domain: domain of the stories, likewise.
        corpus: name of the corpus, e.g. ``e-syncvidstory``; None if not given.
        splits: shards of ``train``, ``val`` and ``test``.
        warnings: warnings of the preparation.
        dtype: type of the stored features.
        sha256: hash of the file; empty before it is saved or loaded.
    """

    encoder: dict[str, Any]
    similarity_threshold: float
    standardise: bool
    tokens: int
    width: int
    statistics: dict[str, np.ndarray]
    language: str
    domain: str
    splits: Mapping[str, Sequence[ShardEntry]]
    warnings: list[str] = field(default_factory=list)
    dtype: str = "float16"
    corpus: str | None = None
    sha256: str = ""
    _samples: dict[str, Samples] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        both = {split: in_columns(self.splits.get(split, ())) for split in SPLITS}
        self._samples = {split: samples for split, (samples, _) in both.items()}
        self.splits = {split: shards for split, (_, shards) in both.items()}

    def samples(self, split: str) -> Samples:
        """All samples of a split, in the order of its shards; an unknown or empty split has none."""
        return self._samples[split] if split in SPLITS else in_columns(())[0]

    def find(self, key: str) -> SampleEntry | None:
        """The sample with a key, whatever its split; None if there is none."""
        for samples in self._samples.values():
            if (number := samples.find(key)) is not None:
                return samples[number]
        return None

    def shards(self) -> Iterable[ShardEntry]:
        """The shards of all splits."""
        return (shard for split in SPLITS for shard in self.splits[split])

    def save(self, folder: str | Path) -> None:
        """Write the columns of samples, then ``manifest.json``, each file atomically.

        A folder that has the same content is left as it is, in whatever format, so that a training that was stopped
        still knows its data.
        """
        folder = Path(folder)
        try:
            there = Manifest.load(folder)
        except InputError:
            there = None
        if there is not None and self._equals(there):
            self.sha256 = there.sha256
            return
        (folder / NAME).unlink(missing_ok=True)  # unfinished while the columns change
        sums = write_columns(folder, [self._samples[split] for split in SPLITS])
        text = json.dumps({**self._head(), "samples": sums}, ensure_ascii=False, indent=1).encode()
        with atomic_write(folder / NAME) as file:
            file.write(text)
        self.sha256 = hashlib.sha256(text).hexdigest()

    @classmethod
    def load(cls, folder: str | Folder) -> Manifest:
        """Read and check the manifest of a folder, which may be a remote one.

        Raises:
            InputError: there is none (the folder is unfinished or not a data folder), it is not JSON, has another
                format version, a field is missing or wrong, or a column of samples is missing or damaged (the message
                names it).
        """
        folder = open_folder(folder)
        file = folder / NAME
        if isinstance(file, Path) and not file.is_file():
            if file.parent.is_dir():
                raise InputError("no manifest.json: vn prepare has not finished here", file=file.parent)
            raise InputError("no such data folder; create one with vn prepare", file=file.parent)
        try:
            here = fetch(file)
        except MissingFile:
            raise InputError("no manifest.json: no data folder, or vn prepare has not finished", file=folder) from None
        sha256 = hashlib.sha256(here.read_bytes()).hexdigest()
        fields = ManifestFields(parse_json(read_text(here), file), file)
        head = fields.head()
        place = folder.absolute() if isinstance(folder, Path) else folder
        if fields.version == JSON_ONLY:
            manifest = cls(**head, splits=fields.shards(), sha256=sha256)
        else:
            splits = open_shards(
                folder,
                fields.counted_shards(),
                fields.column_sums(),
                lambda split: _SplitAgain(place, sha256, split),
            )
            manifest = cls(**head, splits=splits, sha256=sha256)
        if isinstance(folder, RemoteFolder):
            folder.expect((shard.file, shard.sha256, shard.bytes) for shard in manifest.shards())
        return manifest

    def _head(self) -> dict[str, Any]:
        """What ``manifest.json`` has, without the hashes of the columns."""
        shards = {
            split: [
                {"file": shard.file, "sha256": shard.sha256, "bytes": shard.bytes, "samples": len(shard.samples)}
                for shard in self.splits[split]
            ]
            for split in SPLITS
        }
        return {
            "format": FORMAT,
            "encoder": self.encoder,
            "similarity_threshold": self.similarity_threshold,
            "standardise": self.standardise,
            "tokens": self.tokens,
            "width": self.width,
            "dtype": self.dtype,
            "statistics": {name: self.statistics[name].tolist() for name in ("mean", "std")},
            "language": self.language,
            "domain": self.domain,
            **({"corpus": self.corpus} if self.corpus else {}),
            "splits": {split: {"shards": shards[split]} for split in SPLITS},
            "warnings": list(self.warnings),
        }

    def _equals(self, other: Manifest) -> bool:
        same = json.dumps(self._head()) == json.dumps(other._head())
        return same and all(self._samples[split] == other._samples[split] for split in SPLITS)


@dataclass(frozen=True, slots=True)
class _SplitAgain:
    """Opens a split's samples once more, in a process that gets them pickled."""

    folder: Folder
    sha256: str
    split: str

    def __call__(self) -> Table:
        manifest = Manifest.load(self.folder)
        if manifest.sha256 != self.sha256:
            raise InputError("has changed since this command began", file=self.folder / NAME)
        return manifest.samples(self.split).table
