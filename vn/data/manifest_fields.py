"""Reads the fields of a ``manifest.json`` one by one, so that errors name the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from vn.data.sample_files import COLUMNS
from vn.data.shard_entries import ShardEntry, is_count, is_number
from vn.errors import InputError, show
from vn.io.remote import File

SPLITS = ("train", "val", "test")
FORMAT = 2
JSON_ONLY = 1  # the format that has its samples in manifest.json
MOST_TOKENS, MOST_WIDE = 10_000, 1_000_000  # per frame: far above any encoder's, far below what fits into memory

Read = TypeVar("Read")


class ManifestFields:
    """The fields of a manifest.

    Args:
        data: the parsed file.
        file: named in errors.

    Raises:
        InputError: naming the field that is missing or wrong.
    """

    def __init__(self, data: Any, file: File) -> None:
        self.file = file
        if not isinstance(data, dict):
            raise InputError(f"expected an object, got a {type(data).__name__}", file=file)
        self.data = data
        self.version: int = self._take("format", int)
        if self.version not in (JSON_ONLY, FORMAT):
            message = f"is {self.version}, but this version of vn reads {JSON_ONLY} and {FORMAT}: run vn prepare again"
            raise self._fail(message, "format")

    def head(self) -> dict[str, Any]:
        """The attributes of `Manifest` that are not about shards and samples."""
        tokens, width = self._count("tokens", MOST_TOKENS), self._count("width", MOST_WIDE)
        threshold = self._take("similarity_threshold", (int, float))
        if not is_number(threshold):
            raise self._fail(f"is wrong: {show(threshold)}", "similarity_threshold")
        for name, choices in (("dtype", ("float16",)), ("language", ("zh", "en")), ("domain", ("ad", "general"))):
            if self._take(name, str) not in choices:
                raise self._fail(f"expected {' or '.join(choices)}, got {show(self.data[name])}", name)
        return {
            "encoder": self._encoder(),
            "similarity_threshold": float(threshold),
            "standardise": self._take("standardise", bool),
            "tokens": tokens,
            "width": width,
            "dtype": self.data["dtype"],
            "statistics": self._statistics(width),
            "language": self.data["language"],
            "domain": self.data["domain"],
            "corpus": self._take("corpus", str) if "corpus" in self.data else None,
            "warnings": list(map(str, self._take("warnings", list))),
        }

    def shards(self) -> dict[str, list[ShardEntry]]:
        """The shards of each split with their samples, of a manifest of format 1."""
        splits = self._splits(ShardEntry.from_dict)
        keys: set[str] = set()
        for split, shards in splits.items():
            for sample in (sample for shard in shards for sample in shard.samples):
                if sample.key in keys:
                    raise self._fail(f"{sample.key} appears twice", f"splits.{split}")
                keys.add(sample.key)
        return splits

    def counted_shards(self) -> dict[str, list[tuple[ShardEntry, int]]]:
        """The shards of each split without their samples, and how many these are."""
        return self._splits(_counted)

    def column_sums(self) -> dict[str, str]:
        """The sha256 of each column of samples."""
        sums: dict[str, str] = self._take("samples", dict)
        for name in COLUMNS:
            if not isinstance(sums.get(name), str):
                raise self._fail("has no sha256", f"samples.{name}")
        if unknown := sums.keys() - COLUMNS.keys():
            raise self._fail("is not a column that this version of vn knows", f"samples.{min(unknown)}")
        return sums

    def _fail(self, message: str, where: str) -> InputError:
        return InputError(message, file=self.file, field=where)

    def _take(self, name: str, kind: type | tuple[type, ...]) -> Any:
        if name not in self.data:
            raise self._fail("is missing", name)
        value = self.data[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self._fail(f"is wrong: {show(value)}", name)
        return value

    def _count(self, name: str, most: int) -> int:
        value: int = self._take(name, int)
        if not 1 <= value <= most:
            raise self._fail(f"is wrong: {show(value)}", name)
        return value

    def _encoder(self) -> dict[str, Any]:
        encoder: dict[str, Any] = self._take("encoder", dict)
        for name in ("id", "settings", "weights_sha256"):
            if name not in encoder:
                raise self._fail("is missing", f"encoder.{name}")
        if not isinstance(encoder["id"], str) or not isinstance(encoder["settings"], dict):
            raise self._fail("is wrong: expected a name and its settings", "encoder")
        return encoder

    def _statistics(self, width: int) -> dict[str, np.ndarray]:
        given = self._take("statistics", dict)
        arrays = {}
        for name in ("mean", "std"):
            if name not in given:
                raise self._fail("is missing", f"statistics.{name}")
            values = given[name]
            if not isinstance(values, list) or not all(map(is_number, values)):
                raise self._fail("is wrong: expected numbers", f"statistics.{name}")
            if len(values) != width:
                raise self._fail(f"is wrong: expected {width} finite numbers", f"statistics.{name}")
            arrays[name] = np.array(values, dtype=np.float64)
        if not (arrays["std"] > 0).all():
            raise self._fail("is wrong: expected numbers above 0", "statistics.std")
        return arrays

    def _splits(self, read: Callable[[Any, int], Read]) -> dict[str, list[Read]]:
        given = self._take("splits", dict)
        splits: dict[str, list[Read]] = {}
        for split in SPLITS:
            try:
                splits[split] = [read(shard, index) for index, shard in enumerate(given[split]["shards"])]
            except KeyError as error:
                raise self._fail(f"{show(error.args[0])} is missing", f"splits.{split}") from None
            except (TypeError, ValueError, AttributeError) as error:
                raise self._fail(f"is wrong: {error}", f"splits.{split}") from None
        return splits


def _counted(data: Any, index: int) -> tuple[ShardEntry, int]:
    shard, count = ShardEntry.without_samples(data), data["samples"]
    if not is_count(count):
        raise ValueError(f"{shard.file} cannot have {show(count)} samples")
    return shard, count
