"""One small frame for each clip of a video, read without decoding the whole video."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from vn.data.clock import is_cover, start_of
from vn.data.video import VideoReader
from vn.errors import InputError

LONGEST = 240  # pixels of the longer side
QUALITY = 75


def clip_frames(video: Path, spans: Sequence[tuple[float, float]]) -> list[str | None]:
    """A frame of each clip, as a ``data:`` URI.

    It is the keyframe nearest to the clip's middle, which can be decoded alone, or else the frame in the middle.

    Args:
        video: the video.
        spans: start and end of each clip, in seconds on a player's clock.

    Returns:
        A JPEG of at most 240 pixels per clip; None if its frame cannot be read.
    """
    try:
        reader = VideoReader(video)
        with av.open(os.path.abspath(video), metadata_errors="replace") as container:
            stream = next(s for s in container.streams.video if not is_cover(s))
            zero = start_of(container) or 0.0
            keys = _keyframes(container, stream, zero)
            return [_frame(reader, container, stream, zero, _wanted(keys, *span)) for span in spans]
    except (InputError, av.error.FFmpegError):  # the page has no frames then; the player says what is wrong
        return [None] * len(spans)


def _keyframes(container: av.container.InputContainer, stream: av.VideoStream, zero: float) -> np.ndarray:
    """The times of all keyframes, in seconds on a player's clock, in order."""
    times = []
    for packet in container.demux(stream):
        if packet.is_keyframe and packet.pts is not None and packet.time_base is not None:
            times.append(float(packet.pts * packet.time_base) - zero)
    return np.sort(np.asarray(times, dtype=float))


def _wanted(keys: np.ndarray, start: float, end: float) -> float:
    middle = (start + end) / 2
    own = keys[(keys >= start) & (keys < end)]
    return float(own[np.abs(own - middle).argmin()]) if len(own) else middle


def _frame(
    reader: VideoReader, container: av.container.InputContainer, stream: av.VideoStream, zero: float, wanted: float
) -> str | None:
    """The frame on screen at a time."""
    shown = None
    try:
        container.seek(round((wanted + zero) * av.time_base), backward=True)
        for frame in container.decode(stream):
            time = 0.0 if frame.time is None else frame.time - zero
            if shown is not None and time > wanted + 1e-3:
                break
            shown = frame
            if time >= wanted - 1e-3:
                break
        return None if shown is None else data_uri(reader.picture(shown))
    except (InputError, av.error.FFmpegError):
        return None


def data_uri(frame: np.ndarray) -> str:
    """A frame ``[height, width, 3]`` uint8, scaled down, as a ``data:`` URI."""
    picture = Image.fromarray(frame)
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BOX)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
