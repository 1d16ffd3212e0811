"""What all encoders of decoded frames share: decode, shrink, batch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.frames import FrameBatch
from vn.data.thumbs import thumbnail
from vn.data.video import sample_frames
from vn.errors import Findings, InputError

ENDS = 4096  # bytes at both ends of a video that are part of its fingerprint


class PictureEncoder(ABC):
    """A `vn.data.frames.FrameEncoder` over decoded frames; subclasses define `shrink` and `encode`.

    Batches never span two videos, so a video's features do not depend on the other videos.

    Args:
        fps: frames per second to sample.
        settings: the subclass's settings; ``fps`` is added.
    """

    id: str
    tokens: int
    width: int
    standardise: bool
    similarity_threshold: float
    weights_sha256: str | None = None
    needs_video = True
    batch_size = 32

    def __init__(self, fps: float, settings: dict[str, Any]) -> None:
        self.fps = fps
        self.settings = {**settings, "fps": fps}

    @abstractmethod
    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """A frame ``[height, width, 3]`` uint8 RGB of any size -> the encoder's input size; runs in a thread."""

    @abstractmethod
    def encode(self, inputs: np.ndarray) -> np.ndarray:
        """Frames ``[n, ...]`` from `shrink` -> float16 ``[n, T, D]``."""

    def batches(self, sample: str, video: Path | None, findings: Findings) -> Iterator[FrameBatch]:
        """See `vn.data.frames.FrameEncoder.batches`; one decoded frame is in memory at a time."""
        if video is None:
            raise InputError("there is no video to encode", sample=sample)
        inputs: list[np.ndarray] = []
        seconds: list[float] = []
        thumbs: list[np.ndarray] = []
        for second, picture in sample_frames(video, self.fps, findings, sample):
            inputs.append(self.shrink(picture))
            seconds.append(second)
            thumbs.append(thumbnail(picture))
            if len(inputs) == self.batch_size:
                yield FrameBatch(np.stack(inputs), seconds, thumbs)
                inputs, seconds, thumbs = [], [], []
        if inputs:
            yield FrameBatch(np.stack(inputs), seconds, thumbs)

    def fingerprint(self, sample: str, video: Path | None) -> str:
        """The size of the video's file and a hash of both ends."""
        if video is None:
            return "none"
        try:
            with video.open("rb") as file:
                digest = hashlib.sha256(file.read(ENDS))
                size = file.seek(0, 2)
                file.seek(max(0, size - ENDS))
                digest.update(file.read(ENDS))
        except OSError:
            return "unreadable"
        return f"{size}-{digest.hexdigest()[:16]}"
