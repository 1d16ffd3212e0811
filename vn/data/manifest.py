"""``manifest.json``: what a folder of shards holds, sample by sample; plain Python and NumPy.

Written last and atomically, so a folder without one is unfinished (design "Formats").
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.atomic import atomic_write
from vn.errors import InputError
from vn.story import read_text

FORMAT = 1
NAME = "manifest.json"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """One video in a shard.

    Attributes:
        key: the story's id.
        offset: of the sample's first tar header in the shard, in bytes.
        bytes: of the sample from there, ``seconds.npy`` included, thumbnails not.
        clips: of the story.
        narrated: clips with a narration.
        frames: F.
        seconds: of all clips together.
        characters: of the story's text.
        shard: file name of its shard.
        shard_index: number of its shard in the split, from 0.
    """

    key: str
    offset: int
    bytes: int
    clips: int
    narrated: int
    frames: int
    seconds: float
    characters: int
    shard: str
    shard_index: int

    def to_dict(self) -> dict[str, Any]:
        """The entry as the manifest writes it: its shard stands above it."""
        return {name: getattr(self, name) for name in _SAMPLE_FIELDS}


_SAMPLE_FIELDS = ("key", "offset", "bytes", "clips", "narrated", "frames", "seconds", "characters")


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One tar file of a split."""

    file: str
    sha256: str
    bytes: int
    samples: tuple[SampleEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """The entry as the manifest writes it."""
        samples = [sample.to_dict() for sample in self.samples]
        return {"file": self.file, "sha256": self.sha256, "bytes": self.bytes, "samples": samples}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], index: int) -> ShardEntry:
        """Read an entry; `KeyError` and `TypeError` tell of a missing or wrong field."""
        samples = tuple(
            SampleEntry(**{name: sample[name] for name in _SAMPLE_FIELDS}, shard=data["file"], shard_index=index)
            for sample in data["samples"]
        )
        return cls(str(data["file"]), str(data["sha256"]), int(data["bytes"]), samples)


@dataclass(slots=True)
class Manifest:
    """A folder of shards.

    Attributes:
        encoder: id, settings and weights_sha256 of the frame encoder.
        similarity_threshold: the encoder's tau, for features as the model sees them.
        standardise: whether the model standardises features with `statistics`.
        tokens: T, tokens a frame.
        width: D, width of a token.
        statistics: ``mean`` and ``std``, ``[D]`` float64 each, over all tokens of the train split.
        language: of the stories (of most of them, where they are mixed).
        domain: of the stories, likewise.
        splits: shards of ``train``, ``val`` and ``test``.
        warnings: what was found on the way.
        dtype: of the stored features.
        sha256: of the file; empty before it is saved or loaded.
    """

    encoder: dict[str, Any]
    similarity_threshold: float
    standardise: bool
    tokens: int
    width: int
    statistics: dict[str, np.ndarray]
    language: str
    domain: str
    splits: dict[str, list[ShardEntry]]
    warnings: list[str] = field(default_factory=list)
    dtype: str = "float16"
    sha256: str = ""

    def samples(self, split: str) -> list[SampleEntry]:
        """All samples of a split, in the order of its shards; an unknown or empty split has none."""
        return [sample for shard in self.splits.get(split, []) for sample in shard.samples]

    def shards(self) -> Iterable[ShardEntry]:
        """The shards of all splits."""
        return (shard for split in SPLITS for shard in self.splits.get(split, []))

    def to_dict(self) -> dict[str, Any]:
        """The manifest as JSON holds it."""
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
            "splits": {
                split: {"shards": [shard.to_dict() for shard in self.splits.get(split, [])]} for split in SPLITS
            },
            "warnings": list(self.warnings),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``manifest.json`` into a folder, whole or not at all."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1).encode()
        with atomic_write(Path(folder) / NAME) as file:
            file.write(text)
        self.sha256 = hashlib.sha256(text).hexdigest()

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """Read and check the manifest of a folder.

        Raises:
            InputError: there is none (the folder is unfinished or no data folder), it is not JSON, of another format
                version, or a field is missing or wrong, which is named.
        """
        file = Path(folder) / NAME
        if not file.is_file():
            if Path(folder).is_dir():
                raise InputError("no manifest.json: vn prepare has not finished here", file=folder)
            raise InputError("no such data folder; vn prepare makes one", file=folder)
        text = read_text(file)
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"not JSON: {error.msg} at line {error.lineno}", file=file) from None
        manifest = _Fields(data, file).manifest()
        manifest.sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        return manifest


class _Fields:
    """Takes a manifest's fields one by one, so that an error names the field."""

    def __init__(self, data: Any, file: Path) -> None:
        self.file = file
        if not isinstance(data, dict):
            raise InputError(f"expected an object, got a {type(data).__name__}", file=file)
        self.data = data

    def fail(self, message: str, where: str) -> InputError:
        return InputError(message, file=self.file, field=where)

    def take(self, name: str, kind: type | tuple[type, ...]) -> Any:
        if name not in self.data:
            raise self.fail("is missing", name)
        value = self.data[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fail(f"is wrong: {str(value)[:60]}", name)
        return value

    def manifest(self) -> Manifest:
        version = self.take("format", int)
        if version != FORMAT:
            raise self.fail(f"is {version}, but this version of vn reads {FORMAT}: run vn prepare again", "format")
        width = self.take("width", int)
        return Manifest(
            encoder=self.encoder(),
            similarity_threshold=float(self.take("similarity_threshold", (int, float))),
            standardise=self.take("standardise", bool),
            tokens=self.take("tokens", int),
            width=width,
            dtype=self.take("dtype", str),
            statistics=self.statistics(width),
            language=self.take("language", str),
            domain=self.take("domain", str),
            splits=self.splits(),
            warnings=self.take("warnings", list),
        )

    def encoder(self) -> dict[str, Any]:
        encoder = self.take("encoder", dict)
        for name in ("id", "settings", "weights_sha256"):
            if name not in encoder:
                raise self.fail("is missing", f"encoder.{name}")
        return encoder

    def statistics(self, width: int) -> dict[str, np.ndarray]:
        given = self.take("statistics", dict)
        arrays = {}
        for name in ("mean", "std"):
            try:
                arrays[name] = np.array(given[name], dtype=np.float64)
            except KeyError:
                raise self.fail("is missing", f"statistics.{name}") from None
            except (TypeError, ValueError):
                raise self.fail("is wrong: expected numbers", f"statistics.{name}") from None
            if arrays[name].shape != (width,) or not np.isfinite(arrays[name]).all():
                raise self.fail(f"is wrong: expected {width} finite numbers", f"statistics.{name}")
        return arrays

    def splits(self) -> dict[str, list[ShardEntry]]:
        given = self.take("splits", dict)
        splits = {}
        for split in SPLITS:
            try:
                shards = given[split]["shards"]
                splits[split] = [ShardEntry.from_dict(shard, index) for index, shard in enumerate(shards)]
            except KeyError as error:
                raise self.fail(f"{error.args[0]!r} is missing", f"splits.{split}") from None
            except (TypeError, ValueError, AttributeError) as error:
                raise self.fail(f"is wrong: {error}", f"splits.{split}") from None
        return splits
