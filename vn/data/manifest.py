"""``manifest.json``: the contents of a folder of shards, sample by sample; plain Python and NumPy.

Written last and atomically, so a folder without one is unfinished (docs/design.md#manifest).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.shard_entries import SampleEntry, ShardEntry, is_number
from vn.errors import InputError, show
from vn.io.atomic import atomic_write
from vn.io.files import parse_json, read_text
from vn.io.remote import File, Folder, RemoteFolder, fetch, open_folder
from vn.io.stores import MissingFile

FORMAT = 1
NAME = "manifest.json"
SPLITS = ("train", "val", "test")
MOST_TOKENS, MOST_WIDE = 10_000, 1_000_000  # per frame: far above any encoder's, far below what fits into memory


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
    splits: dict[str, list[ShardEntry]]
    warnings: list[str] = field(default_factory=list)
    dtype: str = "float16"
    corpus: str | None = None
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
            **({"corpus": self.corpus} if self.corpus else {}),
            "splits": {
                split: {"shards": [shard.to_dict() for shard in self.splits.get(split, [])]} for split in SPLITS
            },
            "warnings": list(self.warnings),
        }

    def save(self, folder: str | Path) -> None:
        """Write ``manifest.json`` to a folder, atomically."""
        text = json.dumps(self.to_dict(), ensure_ascii=False, indent=1).encode()
        with atomic_write(Path(folder) / NAME) as file:
            file.write(text)
        self.sha256 = hashlib.sha256(text).hexdigest()

    @classmethod
    def load(cls, folder: str | Folder) -> Manifest:
        """Read and check the manifest of a folder, which may be a remote one.

        Raises:
            InputError: there is none (the folder is unfinished or not a data folder), it is not JSON, has another
                format version, or a field is missing or wrong (the message names it).
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
        manifest = _Fields(parse_json(read_text(here), file), file).manifest()
        manifest.sha256 = hashlib.sha256(here.read_bytes()).hexdigest()
        if isinstance(folder, RemoteFolder):
            folder.expect((shard.file, shard.sha256, shard.bytes) for shard in manifest.shards())
        return manifest


class _Fields:
    """Reads a manifest's fields one by one, so that errors name the field."""

    def __init__(self, data: Any, file: File) -> None:
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
            raise self.fail(f"is wrong: {show(value)}", name)
        return value

    def manifest(self) -> Manifest:
        version = self.take("format", int)
        if version != FORMAT:
            raise self.fail(f"is {version}, but this version of vn reads {FORMAT}: run vn prepare again", "format")
        tokens, width = self.count("tokens", MOST_TOKENS), self.count("width", MOST_WIDE)
        threshold = self.take("similarity_threshold", (int, float))
        if not is_number(threshold):
            raise self.fail(f"is wrong: {show(threshold)}", "similarity_threshold")
        for name, choices in (("dtype", ("float16",)), ("language", ("zh", "en")), ("domain", ("ad", "general"))):
            if self.take(name, str) not in choices:
                raise self.fail(f"expected {' or '.join(choices)}, got {show(self.data[name])}", name)
        return Manifest(
            encoder=self.encoder(),
            similarity_threshold=float(threshold),
            standardise=self.take("standardise", bool),
            tokens=tokens,
            width=width,
            dtype=self.data["dtype"],
            statistics=self.statistics(width),
            language=self.data["language"],
            domain=self.data["domain"],
            corpus=self.take("corpus", str) if "corpus" in self.data else None,
            splits=self.splits(),
            warnings=list(map(str, self.take("warnings", list))),
        )

    def count(self, name: str, most: int) -> int:
        value: int = self.take(name, int)
        if not 1 <= value <= most:
            raise self.fail(f"is wrong: {show(value)}", name)
        return value

    def encoder(self) -> dict[str, Any]:
        encoder: dict[str, Any] = self.take("encoder", dict)
        for name in ("id", "settings", "weights_sha256"):
            if name not in encoder:
                raise self.fail("is missing", f"encoder.{name}")
        if not isinstance(encoder["id"], str) or not isinstance(encoder["settings"], dict):
            raise self.fail("is wrong: expected a name and its settings", "encoder")
        return encoder

    def statistics(self, width: int) -> dict[str, np.ndarray]:
        given = self.take("statistics", dict)
        arrays = {}
        for name in ("mean", "std"):
            if name not in given:
                raise self.fail("is missing", f"statistics.{name}")
            values = given[name]
            if not isinstance(values, list) or not all(map(is_number, values)):
                raise self.fail("is wrong: expected numbers", f"statistics.{name}")
            if len(values) != width:
                raise self.fail(f"is wrong: expected {width} finite numbers", f"statistics.{name}")
            arrays[name] = np.array(values, dtype=np.float64)
        if not (arrays["std"] > 0).all():
            raise self.fail("is wrong: expected numbers above 0", "statistics.std")
        return arrays

    def splits(self) -> dict[str, list[ShardEntry]]:
        given = self.take("splits", dict)
        splits: dict[str, list[ShardEntry]] = {}
        keys: set[str] = set()
        for split in SPLITS:
            try:
                shards = given[split]["shards"]
                splits[split] = [ShardEntry.from_dict(shard, index) for index, shard in enumerate(shards)]
            except KeyError as error:
                raise self.fail(f"{show(error.args[0])} is missing", f"splits.{split}") from None
            except (TypeError, ValueError, AttributeError) as error:
                raise self.fail(f"is wrong: {error}", f"splits.{split}") from None
            for sample in (sample for shard in splits[split] for sample in shard.samples):
                if sample.key in keys:
                    raise self.fail(f"{sample.key} appears twice", f"splits.{split}")
                keys.add(sample.key)
        return splits
