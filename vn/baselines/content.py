"""What can be seen in a video: features and frames, read when a system asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vn.data.shard_entries import SampleEntry
from vn.data.shards import read_sample, read_seconds, read_thumbs
from vn.errors import Findings, InputError
from vn.io.remote import Folder

if TYPE_CHECKING:
    from vn.data.frames import FrameEncoder

LONGEST_SIDE = 1280  # pixels; larger frames are scaled down, since all frames of a video are in memory at once

SMALL = "frames are the thumbnails in the shards, 96 pixels high; --videos DIR gives whole ones"


class Encoder:
    """A frame encoder that is loaded when the first video is encoded.

    Args:
        load: loads it; None if there is none.
    """

    def __init__(self, load: Callable[[], FrameEncoder] | None) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._loaded: FrameEncoder | None = None

    def get(self) -> FrameEncoder:
        """The encoder.

        Raises:
            InputError: there is none, or it cannot be loaded.
        """
        if self._load is None:
            raise InputError("this baseline needs frame features: give --data DATA, or --encoder NAME")
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded


@dataclass(frozen=True, slots=True)
class FileContent:
    """A video file.

    Attributes:
        file: its path; None if it was not found.
        sample: its story's id, for messages.
        encoder: encodes its frames.
        findings: takes warnings about damage.
        missing: what was looked for, for messages.
    """

    file: Path | None
    sample: str
    encoder: Encoder
    findings: Findings
    missing: str = ""

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Frame features ``[F, T, D]`` and their seconds ``[F]``.

        Raises:
            InputError: there is no encoder, or the video cannot be read.
        """
        from vn.data.frames import encode_video

        encoded = encode_video(self._found(), self.encoder.get(), self.findings, self.sample)
        return encoded.features, encoded.seconds

    def rgb(self) -> tuple[Sequence[np.ndarray], np.ndarray]:
        """RGB frames ``[H, W, 3]`` uint8, one per second, and their seconds ``[F]``.

        Raises:
            InputError: the video cannot be read.
        """
        return frames_of(self._found(), self.findings, self.sample)

    def _found(self) -> Path:
        if self.file is None:
            raise InputError(f"the video is not found {self.missing}".rstrip(), sample=self.sample)
        return self.file


@dataclass(frozen=True, slots=True)
class ShardContent:
    """A sample of a data folder.

    Attributes:
        folder: the data folder.
        entry: the sample.
        frame: T and D that each frame must have.
        findings: takes the warning that frames are small.
        video: the video's file, if there is a folder of videos.
    """

    folder: Folder
    entry: SampleEntry
    frame: tuple[int, int]
    findings: Findings
    video: FileContent | None = field(default=None)

    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Frame features ``[F, T, D]`` and their seconds ``[F]``, as stored."""
        _, features, seconds = read_sample(self.folder / self.entry.shard, self.entry, self.frame)
        return features, seconds

    def rgb(self) -> tuple[Sequence[np.ndarray], np.ndarray]:
        """The video's frames, one per second, and their seconds; without the video, the thumbnails.

        Raises:
            InputError: neither the video nor thumbnails are there.
        """
        if self.video is not None:
            return self.video.rgb()
        shard = self.folder / self.entry.shard
        thumbs = read_thumbs(shard, self.entry)
        if thumbs is None:
            raise InputError("the shards have no thumbnails; give the videos with --videos DIR", sample=self.entry.key)
        self.findings.add(SMALL)
        return thumbs, read_seconds(shard, self.entry)


def frames_of(video: Path, findings: Findings, sample: str) -> tuple[list[np.ndarray], np.ndarray]:
    """The frames of a video, one per second, at most `LONGEST_SIDE` pixels wide and high, and their seconds.

    Raises:
        InputError: the video cannot be read.
    """
    from vn.data.video import sample_frames

    shown = [(second, _scaled(frame)) for second, frame in sample_frames(video, 1.0, findings, sample)]
    return [frame for _, frame in shown], np.array([second for second, _ in shown], dtype=np.float32)


def _scaled(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    share = LONGEST_SIDE / max(height, width)
    if share >= 1:
        return frame
    from PIL import Image

    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BOX))
