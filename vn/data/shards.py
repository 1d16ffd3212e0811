"""WebDataset shards: one video a sample, read by offset."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np

from vn.data.manifest import SampleEntry
from vn.errors import InputError
from vn.story import Story

BLOCK = tarfile.BLOCKSIZE


def pack_sample(story: Story, frames: np.ndarray, seconds: np.ndarray, thumbs: bytes | None = None) -> tuple[bytes, int]:
    """A sample as tar members.

    Args:
        frames: ``[F, T, D]``, stored as float16.
        seconds: ``[F]``, stored as float32.
        thumbs: a JPEG strip, if there is one.

    Returns:
        The bytes, and how many of them come before the thumbnails.
    """
    members = [
        ("json", json.dumps(story.to_dict(), ensure_ascii=False).encode()),
        ("frames.npy", _npy(frames.astype(np.float16))),
        ("seconds.npy", _npy(seconds.astype(np.float32))),
    ]
    data = b"".join(_member(f"{story.id}.{name}", content) for name, content in members)
    size = len(data)
    if thumbs is not None:
        data += _member(f"{story.id}.thumbs.jpg", thumbs)
    return data, size


def write_shard(file: Path, samples: list[bytes]) -> None:
    """Write packed samples as one tar file, its end marked as tar does."""
    with open(file, "wb") as out:
        for sample in samples:
            out.write(sample)
        out.write(bytes(2 * BLOCK))


def read_sample(file: Path, entry: SampleEntry) -> tuple[Story, np.ndarray, np.ndarray]:
    """Read a sample at its place.

    Returns:
        The story, frames ``[F, T, D]`` float16, seconds ``[F]`` float32.

    Raises:
        InputError: naming shard, sample and member.
    """
    members = _members(file, entry, entry.bytes)
    story = _story(file, entry, members)
    arrays = []
    for name in ("frames.npy", "seconds.npy"):
        try:
            arrays.append(np.load(io.BytesIO(members[name]), allow_pickle=False))
        except (KeyError, ValueError, EOFError, OSError) as error:
            raise InputError(f"damaged: {error}", file=file, sample=entry.key, field=name) from None
    frames, seconds = arrays
    if frames.ndim != 3 or len(frames) != entry.frames or seconds.shape != (entry.frames,):
        raise InputError(
            f"expected {entry.frames} frames, got shapes {frames.shape} and {seconds.shape}",
            file=file,
            sample=entry.key,
            field="frames.npy",
        )
    bad = np.flatnonzero(~np.isfinite(frames).reshape(len(frames), -1).all(axis=1))
    if len(bad):
        raise InputError(f"frame {bad[0]} holds NaN or infinity", file=file, sample=entry.key, field="frames.npy")
    return story, frames, seconds


def read_story(file: Path, entry: SampleEntry) -> Story:
    """Read only the story of a sample; its JSON comes first, so only that much is read."""
    return _story(file, entry, _members(file, entry, entry.bytes, only_first=True))


def _story(file: Path, entry: SampleEntry, members: dict[str, bytes]) -> Story:
    try:
        data = json.loads(members["json"].decode())
    except (KeyError, ValueError) as error:
        raise InputError(f"damaged: {error}", file=file, sample=entry.key, field="json") from None
    return Story.from_dict(data, file=file)


def _members(file: Path, entry: SampleEntry, size: int, only_first: bool = False) -> dict[str, bytes]:
    try:
        with open(file, "rb") as shard:
            shard.seek(entry.offset)
            if only_first:
                header = tarfile.TarInfo.frombuf(shard.read(BLOCK), "utf-8", "strict")
                if header.size > size:
                    raise tarfile.ReadError("a member is larger than its sample")
                return {_suffix(header.name, entry.key): shard.read(header.size)}
            data = shard.read(size)
        if len(data) < size:
            raise tarfile.ReadError("the shard is cut short")
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            return {_suffix(m.name, entry.key): tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]
    except (tarfile.TarError, UnicodeDecodeError, AttributeError) as error:
        raise InputError(f"corrupt shard: {error}", file=file, sample=entry.key) from None
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=file, sample=entry.key) from None


def _suffix(name: str, key: str) -> str:
    stem, _, suffix = name.partition(".")
    if stem != key:
        raise tarfile.ReadError(f"found {stem!r} at its place")
    return suffix


def _member(name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o644
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict") + content + bytes(-len(content) % BLOCK)


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def file_sha256(file: Path) -> str:
    """SHA-256 of a file."""
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
