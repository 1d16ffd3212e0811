"""Clips that are video files of their own: checked, read, and described as a story."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vn.data.clip_bounds import video_length
from vn.data.thumbs import split_strip, strip, thumbnail
from vn.errors import Findings, InputError
from vn.io.files import is_text
from vn.order.clips import ClipFrames, Clips
from vn.story import Clip, Labels, Story
from vn.story_file.product import read_product, read_storyline

if TYPE_CHECKING:
    from vn.data.frames import FrameEncoder

BLOCK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class RawClips:
    """Video files in the order given.

    Attributes:
        files: their paths.
        story: the product, with one clip per file, one after another; labels if they are known.
    """

    files: tuple[Path, ...]
    story: Story


def open_raw(files: Sequence[Path], product: Path, findings: Findings, storyline: Path | None = None) -> RawClips:
    """Check video files that are to be ordered.

    Args:
        files: the files.
        product: the product file.
        findings: takes warnings.
        storyline: YAML list of labels, one per file in the order given; None: labels are not known.

    Raises:
        InputError: there are fewer than two files, one cannot be read or has a name that is not UTF-8, two are the
            same, or the product or the storyline does not fit.
    """
    if len(files) < 2:
        raise InputError("an order needs two clips or more, got one", file=files[0] if files else None)
    story = read_product(product, findings)
    if story.clips:
        message = "has clips of its own, but each of the files is a clip"
        raise InputError(message, file=product, field="clips")
    for file in files:
        if not is_text(str(file)):
            message = "has a name that is not UTF-8, and cannot be written into order.json; rename it"
            raise InputError(message, file=file)
    refuse_same(files)
    labels: Sequence[Labels | None] = [None] * len(files)
    if storyline is not None:
        labels = read_storyline(storyline)
        if len(labels) != len(files):
            raise InputError(f"has {len(labels)} labels, but there are {len(files)} clips", file=storyline)
    clips, time = [], 0.0
    for file, own in zip(files, labels, strict=True):
        length = video_length(file)
        if length <= 0:
            raise InputError("has no length", file=file)
        clips.append(Clip(time, time + length, own))
        time += length
    return RawClips(tuple(files), replace(story, clips=tuple(clips)))


def refuse_same(files: Sequence[Path]) -> None:
    """Raise if two files have the same content; names both.

    Raises:
        InputError: they do, or one cannot be read.
    """
    seen: dict[str, Path] = {}
    for file in files:
        if not file.is_file():
            raise InputError("no such video" if not file.exists() else "is not a file", file=file)
        digest = hashlib.sha256()
        with file.open("rb") as content:
            while block := content.read(BLOCK):
                digest.update(block)
        same = seen.setdefault(digest.hexdigest(), file)
        if same is not file:
            raise InputError(f"is the same clip as {same}", file=file)


def encoded(raw: RawClips, encoder: FrameEncoder, findings: Findings) -> Clips:
    """The clips with their frames, and these as JPEG files.

    Args:
        raw: the files.
        encoder: encodes frames as for the narrator.
        findings: takes warnings about damage.

    Raises:
        InputError: a file cannot be read.
    """
    from vn.data.frames import encode_video

    frames, pictures = [], []
    for file, clip in zip(raw.files, raw.story.clips, strict=True):
        features = encode_video(file, encoder, findings)
        seconds = features.seconds.astype(np.float64).clip(0.0, 0.999 * clip.duration)
        frames.append(ClipFrames(features.features, seconds))
        thumbs = features.thumbs
        shown = split_strip(thumbs, len(seconds)) if isinstance(thumbs, bytes) else thumbs
        if shown:
            pictures.append(strip(shown))
    return Clips(raw.story, tuple(frames), tuple(pictures) if len(pictures) == len(frames) else ())


def pictured(raw: RawClips, findings: Findings) -> Clips:
    """The clips with a JPEG of their frames, one per second, for a chat model that needs no narrator.

    Args:
        raw: the files.
        findings: takes warnings about damage.

    Raises:
        InputError: a file cannot be read.
    """
    from vn.data.video import sample_frames

    shown = [[thumbnail(rgb) for _, rgb in sample_frames(file, findings=findings)] for file in raw.files]
    return Clips(raw.story, pictures=tuple(strip(thumbs) for thumbs in shown))
