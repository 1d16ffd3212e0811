"""What a video looks like, in a few perceptual hashes: the same after re-encoding, scaling or another frame rate."""

from __future__ import annotations

import math
from bisect import bisect_right

import cv2
import imagehash
import numpy as np
from PIL import Image

FRAMES = 16  # frames that are hashed, at even places of the video
MOST = 128  # small copies of frames that are kept at a time
STEP = 0.1  # seconds between them at first; doubled whenever there are too many
SIDE = 32  # pixels of a copy
FLAT = 3.0  # standard deviation of grey values below which a frame has no structure to compare
NOTHING = "0" * 16
"""The hash of a frame without structure; of any other frame about half of the bits are set."""


class FrameHashes:
    """Takes the frames of a video in order, and keeps a bounded number of them, however long the video is."""

    def __init__(self) -> None:
        self._step = STEP
        self._times: list[float] = []
        self._kept: list[np.ndarray] = []
        self._next = -math.inf

    def wants(self, time: float) -> bool:
        """Whether a frame is to be added that is shown from `time` on (seconds)."""
        return time >= self._next

    def add(self, time: float, picture: np.ndarray) -> None:
        """Add a frame, ``[height, width, 3]`` uint8 BGR, upright."""
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        self._times.append(time)
        self._kept.append(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        if len(self._kept) > MOST:
            self._step *= 2
            self._times, self._kept = self._times[::2], self._kept[::2]
        self._next = (math.floor(self._times[-1] / self._step + 1e-6) + 1) * self._step

    def hashes(self, start: float, end: float) -> tuple[str, ...]:
        """Perceptual hashes in hexadecimal digits, `FRAMES` of them; `NOTHING` for a frame without structure.

        Args:
            start: start of the first frame, in seconds.
            end: end of the last one.
        """
        found = []
        for number in range(FRAMES):
            wanted = start + (end - start) * (number + 0.5) / FRAMES
            found.append(self._hash(max(0, bisect_right(self._times, wanted) - 1)))
        return tuple(found)

    def _hash(self, number: int) -> str:
        grey = self._kept[number]
        return NOTHING if grey.std() < FLAT else str(imagehash.phash(Image.fromarray(grey)))
