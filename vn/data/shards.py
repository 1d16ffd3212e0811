"""Shards: tar files of samples, read by offset here, and by stock `webdataset` (docs/design.md#shards).

A sample is ``<key>.json`` (the story), ``<key>.frames.npy`` (float16 ``[F, T, D]``), ``<key>.seconds.npy`` (float32
``[F]``) and, if the video was decoded, ``<key>.thumbs.jpg``, in this order.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, TypeVar

import numpy as np

from vn.data.manifest import Manifest
from vn.data.npy import read_npy, view_npy
from vn.data.shard_entries import SampleEntry
from vn.data.thumbs import split_strip
from vn.errors import InputError
from vn.io.files import parse_json
from vn.io.remote import BEGINNING, File, Folder, RemoteFile, local_copy, open_folder
from vn.io.retries import Unreachable
from vn.story import Story
from vn.story_reader import parse_story

Read = TypeVar("Read")
STORY, FRAMES, SECONDS, THUMBS = "json", "frames.npy", "seconds.npy", "thumbs.jpg"


def read_sample(
    shard: str | File, entry: SampleEntry, frame: tuple[int, int] | None = None
) -> tuple[Story, np.ndarray, np.ndarray]:
    """Read one sample with a single read at its offset.

    Args:
        shard: the tar file.
        entry: the sample's entry in the manifest.
        frame: T and D that each frame must have; None accepts any.

    Returns:
        The story, frames ``[F, T, D]`` float16 and their seconds ``[F]`` float32.

    Raises:
        InputError: naming shard and key; the shard is missing, truncated or damaged (detected to the bit if the
            manifest has a checksum), holds another key there, or an array of another shape or type, or a number that
            is not finite.
    """
    data = _sample_bytes(shard, entry)
    if len(data) < entry.bytes:
        raise _fault(shard, entry, "the shard is cut short: copy it again, or run vn prepare again")
    # What comes from far away was checked when it came.
    sound = entry.crc32 is None or isinstance(shard, RemoteFile) or zlib.crc32(data) == entry.crc32
    found = _plain_members(data, entry, (STORY, FRAMES, SECONDS)) if sound else None
    story, frames, seconds = found or _members(io.BytesIO(data), shard, entry, (STORY, FRAMES, SECONDS))
    features = _array(frames, shard, entry, FRAMES, np.float16, 3)
    if frame is not None and features.shape[1:] != frame:
        message = f"expected frames of {frame[0]} x {frame[1]}, got {features.shape[1]} x {features.shape[2]}"
        raise _fault(shard, entry, message, FRAMES)
    sample = _story(story, shard, entry), features, _array(seconds, shard, entry, SECONDS, np.float32, 1)
    # Last, since the errors above are more specific: a flipped bit usually leaves a feature that looks like any other.
    if not sound:
        raise _fault(shard, entry, "damaged (wrong checksum): copy the shard again, or run vn prepare again")
    return sample


def read_frames(shard: str | File, entry: SampleEntry, frame: tuple[int, int]) -> np.ndarray | None:
    """The frames of a sample that was read before, so that its checksum is all that must be checked.

    Args:
        shard: the tar file.
        entry: the sample's entry in the manifest.
        frame: T and D that each frame must have.

    Returns:
        ``[F, T, D]`` float16; None if it has no checksum or is not what it was: `read_sample` says what is wrong.
    """
    if entry.crc32 is None:
        return None
    try:
        data = _sample_bytes(shard, entry)
    except Unreachable:
        raise
    except InputError:
        return None
    if len(data) < entry.bytes or (not isinstance(shard, RemoteFile) and zlib.crc32(data) != entry.crc32):
        return None
    found = _plain_members(data, entry, (STORY, FRAMES))
    try:
        frames = None if found is None else _owned(found[1])
    except ValueError:
        return None
    same = frames is not None and frames.dtype == np.float16 and frames.shape == (entry.frames, *frame)
    return frames if same else None


def read_story(shard: str | File, entry: SampleEntry) -> Story:
    """Read the story of a sample without its frames; otherwise like `read_sample`."""
    with _open(shard, entry, at_hand=True) as file:
        file.seek(0 if isinstance(file, io.BytesIO) else entry.offset)
        (story,) = _members(file, shard, entry, (STORY,))
    return _story(story, shard, entry)


def read_seconds(shard: str | File, entry: SampleEntry) -> np.ndarray:
    """The time of each frame of a sample, ``[F]`` float32, without reading the frames."""
    with _open(shard, entry) as file:
        file.seek(entry.offset)
        *_, seconds = _members(file, shard, entry, (STORY, FRAMES, SECONDS), skipped=(STORY, FRAMES))
    return _array(seconds, shard, entry, SECONDS, np.float32, 1)


def read_thumbs(shard: str | File, entry: SampleEntry) -> list[np.ndarray] | None:
    """The thumbnails of a sample, ``[96, w, 3]`` uint8 each; None if it has none."""
    with _open(shard, entry) as file:
        file.seek(entry.offset + entry.bytes)
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                member = tar.next()
                if member is None or member.name != f"{entry.key}.{THUMBS}":
                    return None
                return split_strip(_content(tar, member), entry.frames)
        except (tarfile.TarError, OSError, ValueError) as error:  # ValueError: numbers in a header, or a bad JPEG
            if isinstance(error, InputError):
                raise
            raise _fault(shard, entry, f"damaged ({error})") from None


def verify(folder: str | Folder) -> int:
    """Hash every shard of a data folder.

    Returns:
        The number of shards.

    Raises:
        InputError: naming the first shard that is missing or does not match the manifest.
    """
    folder = open_folder(folder)
    count = 0
    for shard in Manifest.load(folder).shards():
        try:
            with local_copy(folder / shard.file) as here, here.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise InputError(error.strerror or "cannot be read", file=folder / shard.file) from None
        if digest != shard.sha256:
            raise InputError("does not match the manifest (another sha256): it is damaged", file=folder / shard.file)
        count += 1
    return count


def _fault(shard: str | File, entry: SampleEntry, message: str, field: str | None = None) -> InputError:
    return InputError(message, file=shard, sample=entry.key, field=field)


def announce(shard: str | File, entry: SampleEntry, whole: bool) -> None:
    """Say that a sample, or only its story, will be read soon: if it is far away, it is fetched meanwhile.

    Args:
        shard: the tar file.
        entry: the sample's entry in the manifest.
        whole: by `read_sample`; else by `read_story`.
    """
    if isinstance(shard, RemoteFile):
        if whole and entry.crc32 is not None:
            shard.read_ahead(entry.offset, entry.bytes, entry.crc32)
        elif not whole:
            shard.read_ahead(entry.offset, BEGINNING)


def _sample_bytes(shard: str | File, entry: SampleEntry) -> bytes | bytearray:
    if isinstance(shard, RemoteFile) and entry.crc32 is not None:
        return _named(shard, entry, lambda: shard.read_range(entry.offset, entry.bytes, entry.crc32))
    if isinstance(shard, RemoteFile):  # without a checksum of its own it comes with the whole shard, which has one
        return _named(shard, entry, lambda: shard.read_whole(entry.offset, entry.bytes))
    with _open(shard, entry) as opened:
        opened.seek(entry.offset)
        data = bytearray(entry.bytes)  # arrays can be views of it, which are written to
        count = opened.readinto(data)  # type: ignore[attr-defined]
        return data if count == len(data) else data[:count]


def _named(shard: RemoteFile, entry: SampleEntry, read: Callable[[], Read]) -> Read:
    """What a function reads from a shard; its error names the sample too."""
    try:
        return read()
    except Unreachable:
        raise
    except InputError as error:
        raise _fault(shard, entry, str(error).removeprefix(f"{shard}: ")) from None


def _open(shard: str | File, entry: SampleEntry, at_hand: bool = False) -> BinaryIO:
    """A shard; with `at_hand`, of a remote one only the sample, if it has been fetched already."""
    if isinstance(shard, RemoteFile):
        sample = None
        if at_hand and entry.crc32 is not None:
            sample = _named(shard, entry, lambda: shard.at_hand(entry.offset, entry.bytes, entry.crc32))
        return io.BytesIO(sample) if sample else shard.open()
    try:
        return open(shard, "rb")
    except OSError as error:
        raise _fault(shard, entry, error.strerror or "cannot be read") from None


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """The bytes of a member that is a plain file: not a link, nor a sparse file of endless zeros."""
    content = tar.extractfile(member) if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) else None
    if content is None or member.sparse is not None:
        raise tarfile.ReadError(f"{member.name} is not a plain file")
    data = content.read()
    if len(data) != member.size:
        raise tarfile.ReadError(f"{member.name} is cut short")
    return data


def _plain_members(
    data: bytes | bytearray, entry: SampleEntry, extensions: tuple[str, ...]
) -> list[bytes | memoryview] | None:
    """The contents of a sound sample's members, not copied; None if they are not as `vn prepare` writes them."""
    contents: list[bytes | memoryview] = []
    view, at = memoryview(data), 0
    for extension in extensions:
        header = bytes(view[at : at + tarfile.BLOCKSIZE])
        try:
            size = int(header[124:135], 8)
        except ValueError:
            return None
        plain = header[156:157] == tarfile.REGTYPE and not header[345:].strip(b"\0")
        start = at + tarfile.BLOCKSIZE
        if not plain or header[:100].rstrip(b"\0").decode("latin-1") != f"{entry.key}.{extension}":
            return None
        if start + size > len(data):
            return None
        contents.append(view[start : start + size])
        at = start + -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
    return contents


def _members(
    file: BinaryIO,
    shard: str | File,
    entry: SampleEntry,
    extensions: tuple[str, ...],
    skipped: tuple[str, ...] = (),
) -> list[bytes | memoryview]:
    """The contents of a sample's members, with these extensions in this order, from the position of `file` on."""
    contents: list[bytes | memoryview] = []
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for extension in extensions:
                member = tar.next()
                name = f"{entry.key}.{extension}"
                if member is None or member.name != name:
                    found = "the end" if member is None else member.name
                    raise _fault(shard, entry, f"expected {name}, found {found}: not the shard of this manifest")
                if extension not in skipped:
                    contents.append(_content(tar, member))
    except (tarfile.TarError, OSError, ValueError) as error:  # ValueError: numbers in a header
        if isinstance(error, InputError):
            raise
        raise _fault(shard, entry, f"damaged ({error})") from None
    return contents


def _story(data: bytes | memoryview, shard: str | File, entry: SampleEntry) -> Story:
    place = f"{shard}: {entry.key}.{STORY}"
    try:
        story = parse_story(parse_json(bytes(data).decode(), place), file=place, overlap="keep")
    except UnicodeDecodeError as error:
        raise _fault(shard, entry, f"damaged ({error})", STORY) from None
    if (story.id, len(story.clips), len(story.narrated)) != (entry.key, entry.clips, entry.narrated):
        raise _fault(shard, entry, "is not the story of this manifest: run vn prepare again", STORY)
    return story


def _owned(data: bytes | memoryview) -> np.ndarray:
    """The array of an ``.npy`` file, which may be written to."""
    return view_npy(data) if isinstance(data, memoryview) and not data.readonly else read_npy(data)


def _array(
    data: bytes | memoryview, shard: str | File, entry: SampleEntry, name: str, dtype: type, dims: int
) -> np.ndarray:
    try:
        array = _owned(data)
    except ValueError as error:
        raise _fault(shard, entry, f"damaged ({error})", name) from None
    if array.dtype != dtype or array.ndim != dims or len(array) != entry.frames:
        raise _fault(
            shard,
            entry,
            f"expected {np.dtype(dtype)} of {entry.frames} frames, got {array.dtype} {list(array.shape)}",
            name,
        )
    if not _finite(array):
        frame = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))[0])
        raise _fault(shard, entry, f"frame {frame} holds a number that is not finite", name)
    return array


def _finite(array: np.ndarray) -> bool:
    """Whether all numbers are finite; float16 by its bits, which is many times faster than by value."""
    if array.dtype == np.float16:  # infinite or not a number: 7C00 to 7FFF, and FC00 to FFFF with the sign
        return not array.size or bool(array.view(np.int16).max() < 0x7C00 and array.view(np.uint16).max() < 0xFC00)
    return bool(np.isfinite(array).all())
