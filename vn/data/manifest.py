"""``manifest.json``: what a folder of shards holds (design "Formats")."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError
from vn.story import read_json

FORMAT = 1
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """Where a sample lies, and what the order of training needs to know of it.

    Attributes:
        key: the story's id.
        shard: file name of its shard.
        shard_index: the shard's number within the split.
        offset: of its first tar header, in bytes.
        bytes: up to and including ``seconds.npy``; thumbnails come after and are not read in training.
        clips: how many clips.
        narrated: how many of them are narrated.
        frames: F.
        seconds: of all clips together.
        characters: of title, knowledge, labels and narrations: stands for tokens before there is a tokenizer.
    """

    key: str
    shard: str
    shard_index: int
    offset: int
    bytes: int
    clips: int
    narrated: int
    frames: int
    seconds: float
    characters: int


@dataclass(frozen=True, slots=True)
class Shard:
    """A tar file of a split."""

    file: str
    sha256: str
    bytes: int
    samples: tuple[SampleEntry, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of a data folder.

    Attributes:
        encoder: ``id``, ``settings`` and ``weights_sha256`` of the frame encoder.
        similarity_threshold: tau for these features, as the model sees them.
        standardise: whether the model standardises features with `statistics`.
        tokens: T.
        width: D.
        dtype: of the stored features.
        statistics: ``mean`` and ``std``, ``[D]``, over all tokens of the train split.
        language: of the stories.
        domain: of the stories.
        splits: the shards of train, val and test.
        warnings: what was worth one while preparing.
        sha256: of the file; empty before it is written.
    """

    encoder: dict[str, Any]
    similarity_threshold: float
    standardise: bool
    tokens: int
    width: int
    dtype: str
    statistics: dict[str, np.ndarray]
    language: str
    domain: str
    splits: dict[str, tuple[Shard, ...]]
    warnings: tuple[str, ...] = ()
    sha256: str = ""

    def samples(self, split: str) -> list[SampleEntry]:
        """The samples of a split, in order."""
        return [sample for shard in self.splits.get(split, ()) for sample in shard.samples]

    def save(self, folder: Path) -> None:
        """Write ``manifest.json`` atomically."""
        data: dict[str, Any] = {"format": FORMAT}
        for field in dataclasses.fields(self):
            data[field.name] = getattr(self, field.name)
        del data["sha256"]
        data["statistics"] = {k: np.asarray(v, dtype=np.float64).tolist() for k, v in self.statistics.items()}
        data["splits"] = {
            name: {"shards": [{**dataclasses.asdict(s), "samples": [_entry(x) for x in s.samples]} for s in shards]}
            for name, shards in self.splits.items()
        }
        new = folder / "manifest.json.new"
        new.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(new, folder / "manifest.json")

    @classmethod
    def load(cls, folder: str | Path) -> Manifest:
        """Read and check a manifest.

        Raises:
            InputError: the folder is unfinished, or a field is missing or wrong; the field is named.
        """
        file = Path(folder) / "manifest.json"
        if not file.exists():
            raise InputError("no manifest.json here; is `vn prepare` done?", file=folder)
        data = read_json(file)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InputError(f"expected format {FORMAT}", file=file, field="format")
        values: dict[str, Any] = {}
        kinds: dict[str, Any] = {
            "encoder": dict,
            "similarity_threshold": float | int,
            "standardise": bool,
            "tokens": int,
            "width": int,
            "dtype": str,
            "statistics": dict,
            "language": str,
            "domain": str,
            "splits": dict,
            "warnings": list,
        }
        for name, kind in kinds.items():
            if not isinstance(data.get(name), kind):
                raise InputError(f"missing or wrong: {str(data.get(name))[:60]!r}", file=file, field=name)
            values[name] = data[name]
        values["warnings"] = tuple(values["warnings"])
        values["statistics"] = {
            name: _statistic(values["statistics"], name, values["width"], file) for name in ("mean", "std")
        }
        values["splits"] = {name: _shards(values["splits"], name, file) for name in SPLITS}
        return cls(**values, sha256=hashlib.sha256(file.read_bytes()).hexdigest())


def _entry(sample: SampleEntry) -> dict[str, Any]:
    data = dataclasses.asdict(sample)
    return {k: v for k, v in data.items() if k not in ("shard", "shard_index")}


def _statistic(statistics: dict[str, Any], name: str, width: int, file: Path) -> np.ndarray:
    try:
        array = np.asarray(statistics[name], dtype=np.float32)
    except (KeyError, TypeError, ValueError):
        raise InputError("missing or not numbers", file=file, field=f"statistics.{name}") from None
    if array.shape != (width,) or not np.isfinite(array).all() or (name == "std" and (array <= 0).any()):
        raise InputError(f"expected {width} finite numbers", file=file, field=f"statistics.{name}")
    return array


def _shards(splits: dict[str, Any], name: str, file: Path) -> tuple[Shard, ...]:
    try:
        return tuple(
            Shard(
                s["file"],
                s["sha256"],
                s["bytes"],
                tuple(SampleEntry(shard=s["file"], shard_index=i, **x) for x in s["samples"]),
            )
            for i, s in enumerate(splits.get(name, {}).get("shards", []))
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"missing or wrong: {error}", file=file, field=f"splits.{name}") from None
