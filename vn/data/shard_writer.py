"""Writes shards (`vn.data.shards`): deterministic bytes, with each sample's offset and checksum."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zlib
from typing import Any, BinaryIO

import numpy as np

from vn.data.npy import npy_bytes
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.data.shards import FRAMES, SECONDS, STORY, THUMBS
from vn.data.thumbs import strip
from vn.story import Story


class ShardWriter:
    """Writes the samples of one shard: the same samples give the same bytes on any machine.

    Args:
        file: opened for binary writing.
        name: the shard's file name, for its entry.
        index: the shard's number in the split.
    """

    def __init__(self, file: BinaryIO, name: str, index: int) -> None:
        self.name = name
        self.index = index
        self.samples: list[SampleEntry] = []
        self._file = _Hashing(file)
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.GNU_FORMAT)  # noqa: SIM115 (close())

    def add(
        self, story: Story, frames: np.ndarray, seconds: np.ndarray, thumbs: list[np.ndarray] | bytes | None
    ) -> None:
        """Append a sample.

        Args:
            story: the story; no other sample has its id.
            frames: ``[F, T, D]`` float16.
            seconds: ``[F]`` float32.
            thumbs: F thumbnails ``[96, w, 3]`` uint8, or their `vn.data.thumbs.strip`; or None.
        """
        offset = self._tar.offset
        self._file.crc32 = 0
        self._member(story.id, STORY, json.dumps(story.to_dict(), ensure_ascii=False).encode())
        self._member(story.id, FRAMES, npy_bytes(frames))
        self._member(story.id, SECONDS, npy_bytes(seconds))
        size, crc32 = self._tar.offset - offset, self._file.crc32
        if thumbs:
            self._member(story.id, THUMBS, thumbs if isinstance(thumbs, bytes) else strip(thumbs))
        self.samples.append(
            SampleEntry(
                key=story.id,
                offset=offset,
                bytes=size,
                clips=len(story.clips),
                narrated=len(story.narrated),
                frames=len(frames),
                seconds=round(story.duration, 3),
                characters=_characters(story),
                shard=self.name,
                shard_index=self.index,
                crc32=crc32,
            )
        )

    def close(self) -> ShardEntry:
        """Write the end of the archive and return the shard's entry."""
        self._tar.close()
        return ShardEntry(self.name, self._file.sha256.hexdigest(), self._file.bytes, tuple(self.samples))

    def _member(self, key: str, extension: str, data: bytes) -> None:
        info = tarfile.TarInfo(f"{key}.{extension}")  # its other fields are constant: no times, no owner, 0644
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))


class _Hashing(io.RawIOBase):
    """Counts and hashes what is written."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self.file = file
        self.sha256 = hashlib.sha256()
        self.crc32 = 0
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.bytes

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        self.crc32 = zlib.crc32(data, self.crc32)
        self.bytes += len(data)
        return self.file.write(data)


def _characters(story: Story) -> int:
    """Characters of all text that a prompt may hold."""
    texts = [story.title]
    for knowledge in story.knowledge:
        texts += [knowledge.aspect, *knowledge.points]
    for clip in story.clips:
        texts += [label.text(story.language) for label in clip.labels or ()]
        texts.append(clip.narration or "")
    return sum(map(len, texts))
