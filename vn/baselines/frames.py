"""Which frames of a clip a system is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vn.errors import InputError
from vn.story import Clip
from vn.visual.plan import clip_frames


@dataclass(frozen=True, slots=True)
class Shown:
    """Frames of a clip.

    Attributes:
        rgb: ``[N, H, W, 3]`` uint8.
        seconds: ``[N]``, since the clip's start.
        duration: the clip's, in seconds.
    """

    rgb: np.ndarray
    seconds: np.ndarray
    duration: float

    @property
    def sha256(self) -> str:
        """A hash of the frames and their times."""
        digest = hashlib.sha256(f"{self.rgb.shape} {self.duration!r} {self.seconds.tolist()}".encode())
        digest.update(np.ascontiguousarray(self.rgb).data)
        return digest.hexdigest()


def evenly(count: int, wanted: int) -> np.ndarray:
    """Indices of `wanted` of `count` frames, in order: those in the middle of as many equal parts.

    One is the middle frame; if there are fewer than wanted, frames are repeated, each about equally often.

    >>> evenly(5, 1).tolist(), evenly(10, 4).tolist(), evenly(3, 5).tolist()
    ([2], [1, 3, 6, 8], [0, 0, 1, 2, 2])
    """
    return (2 * np.arange(wanted) + 1) * count // (2 * wanted)


def shown(
    frames: Sequence[np.ndarray], seconds: np.ndarray, clip: Clip, wanted: int, repeat: bool, sample: str
) -> Shown:
    """Frames evenly over a clip, of those sampled in it.

    Args:
        frames: the video's, each ``[H, W, 3]`` uint8.
        seconds: when each is on screen.
        clip: the clip.
        wanted: how many frames.
        repeat: if the clip has fewer, repeat some; otherwise all of them are shown, once.
        sample: the video's id, for messages.

    Raises:
        InputError: the video has no frames.
    """
    here = clip_frames(seconds, clip.start, clip.end)
    if not len(here):
        raise InputError("has no frames to show", sample=sample)
    here = here[evenly(len(here), wanted if repeat else min(wanted, len(here)))]
    first = frames[here[0]]
    rgb = np.stack([_sized(frames[i], first.shape) for i in here])
    return Shown(rgb, np.clip(seconds[here] - clip.start, 0, clip.duration), clip.duration)


def _sized(frame: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A frame in the size of the clip's first: the resolution may change within a video."""
    if frame.shape == shape:
        return frame
    return np.asarray(Image.fromarray(frame).resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
