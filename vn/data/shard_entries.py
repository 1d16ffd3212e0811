"""The manifest's entries for shards and their samples, which are read by offset."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vn.errors import show
from vn.story import KEY

SHARD = re.compile(r"[0-9A-Za-z_-]{1,200}\.tar")  # so that no path leaves the folder
_SAMPLE_FIELDS = ("key", "offset", "bytes", "clips", "narrated", "frames", "seconds", "characters")


@dataclass(frozen=True, slots=True)
class SampleEntry:
    """One video in a shard.

    Attributes:
        key: the story's id.
        offset: byte offset of the sample's first tar header in the shard.
        bytes: size of the sample from there, up to ``seconds.npy``, without thumbnails.
        clips: number of clips.
        narrated: clips with a narration.
        frames: F.
        seconds: total seconds of all clips.
        characters: characters of the story's text.
        shard: file name of its shard.
        shard_index: number of its shard in the split, from 0.
        crc32: checksum of those bytes; None in data prepared before it was added.
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
    crc32: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry without its shard, whose entry contains it."""
        entry = {name: getattr(self, name) for name in _SAMPLE_FIELDS}
        return entry if self.crc32 is None else {**entry, "crc32": self.crc32}


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One tar file of a split."""

    file: str
    sha256: str
    bytes: int
    samples: Sequence[SampleEntry]

    def to_dict(self) -> dict[str, Any]:
        """The entry with its samples, as the records of ``vn prepare`` and manifests of format 1 have it."""
        samples = [sample.to_dict() for sample in self.samples]
        return {"file": self.file, "sha256": self.sha256, "bytes": self.bytes, "samples": samples}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], index: int) -> ShardEntry:
        """Read an entry.

        Raises:
            KeyError, TypeError, ValueError: a field is missing or wrong, or contradicts another one.
        """
        shard = cls.without_samples(data)
        return replace(shard, samples=tuple(_sample(each, shard.file, shard.bytes, index) for each in data["samples"]))

    @classmethod
    def without_samples(cls, data: Mapping[str, Any]) -> ShardEntry:
        """Read the entry of the tar file alone; otherwise like `from_dict`."""
        file, sha256, size = data["file"], data["sha256"], data["bytes"]
        if not isinstance(file, str) or not SHARD.fullmatch(file):
            raise ValueError(f"{show(file)} is not a shard's name")
        if not isinstance(sha256, str) or not is_count(size):
            raise ValueError(f"{file} has no sha256 or size")
        return cls(file, sha256, size, ())


def _sample(data: Any, shard: str, size: int, index: int) -> SampleEntry:
    values = {name: data[name] for name in _SAMPLE_FIELDS}
    key = values["key"]
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise ValueError(f"{show(key)} is not a video's key")
    for name in _SAMPLE_FIELDS[1:]:
        if not (is_number(values[name]) if name == "seconds" else is_count(values[name])) or values[name] < 0:
            raise ValueError(f"{key}: {name} cannot be {show(values[name])}")
    crc32 = data.get("crc32")
    if crc32 is not None and not (is_count(crc32) and crc32 < 2**32):
        raise ValueError(f"{key}: crc32 cannot be {show(crc32)}")
    sample = SampleEntry(**values, shard=shard, shard_index=index, crc32=crc32)
    # Impossible values would make endless loops or huge buffers.
    if sample.offset + sample.bytes > size or sample.narrated > sample.clips or sample.frames < 1:
        raise ValueError(f"{key}: offset, bytes, clips, narrated and frames contradict each other")
    if max(sample.frames, sample.clips, sample.characters) > sample.bytes:
        raise ValueError(f"{key}: {sample.bytes} bytes cannot hold that much")
    return sample


def is_count(value: Any) -> bool:
    """Whether a parsed value is a whole number from 0 on that fits into 64 bits, as does the sum of two."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def is_number(value: Any) -> bool:
    """Whether a parsed value is a finite number in the range of a float."""
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < 1e300
