"""Encodes a video's frames as H.264, each at its time, upright, and with subtitles drawn into them if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from vn.data.read_ahead import processors_each
from vn.data.video import MOST_THREADS, VideoReader, turned, upright
from vn.errors import InputError

BASE = Fraction(1, 90_000)
QUALITY = {"preset": "fast", "crf": "20"}
COLOURS = ("colorspace", "color_range", "color_primaries", "color_trc")
BLACK = (16, 128, 128)

Planes = tuple[np.ndarray, np.ndarray, np.ndarray]


class Draws(Protocol):
    """Draws onto frames."""

    def draw(self, planes: Planes, seconds: float) -> None:
        """Draw what is to be seen at a time.

        Args:
            planes: luma ``[height, width]`` uint8 and the two of colour, half as high and wide; changed in place.
            seconds: when the frame is shown.
        """


class Encoder:
    """Gives the encoded packets of a video.

    Args:
        video: the video.
        draws: draws onto the frames; None to encode them as they are.

    Attributes:
        damage: what was wrong with the video, after all was read; None if nothing was.
    """

    def __init__(self, video: Path, draws: Draws | None = None) -> None:
        self.video = video
        self.damage: str | None = None
        self._draws = draws
        self._reformatter = VideoReformatter()
        self._size = (0, 0)  # that of the first frame, before rotation

    def add_to(self, container: OutputContainer) -> Iterator[Packet[Any]]:
        """Add a video stream to a file that nothing was written to yet.

        Returns:
            The packets to write; each has its time.

        Raises:
            InputError: no frame can be decoded.
        """
        reader = VideoReader(self.video)
        frames = reader.frames()
        time, first = next(frames)
        self._size = first.width, first.height
        height, width = self._planes(first)[0].shape
        stream = container.add_stream("libx264", rate=reader.rate, options=QUALITY)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        context = stream.codec_context
        context.time_base = BASE
        context.thread_count = min(processors_each(), MOST_THREADS)
        for name in COLOURS:
            setattr(context, name, getattr(first, name))
        if reader.pixel:
            context.sample_aspect_ratio = 1 / reader.pixel if turned(first) else reader.pixel

        def packets() -> Iterator[Packet[Any]]:
            last = -1
            for seconds, frame in chain([(time, first)], frames):
                stamp = round(seconds / BASE)
                if stamp > last:
                    last = stamp
                    yield from stream.encode(self._drawn(frame, seconds, stamp))
            yield from stream.encode(None)
            self.damage = reader.damage

        return packets()

    def _drawn(self, frame: VideoFrame, seconds: float, stamp: int) -> VideoFrame:
        planes = self._planes(frame)
        if self._draws is not None:
            self._draws.draw(planes, seconds)
        flat = np.concatenate([plane.reshape(-1) for plane in planes])
        out = VideoFrame.from_ndarray(flat.reshape(-1, planes[0].shape[1]), format="yuv420p")
        out.colorspace, out.color_range = frame.colorspace, frame.color_range
        out.pts, out.time_base = stamp, BASE
        return out

    def _planes(self, frame: VideoFrame) -> Planes:
        """The planes of a frame in the size of the first one, upright; width and height are even."""
        width, height = self._size[0] // 2 * 2, self._size[1] // 2 * 2
        inner = width, height
        if (frame.width, frame.height) != self._size:  # a video whose frames change their size: as large as fits
            scale = min(width / frame.width, height / frame.height)
            inner = max(2, round(frame.width * scale) // 2 * 2), max(2, round(frame.height * scale) // 2 * 2)
        try:
            scaled = self._reformatter.reformat(frame, width=inner[0], height=inner[1], format="yuv420p")
        except av.error.FFmpegError as error:
            raise InputError(f"a frame cannot be converted ({error.strerror})", file=self.video) from None
        flat, planes = scaled.to_ndarray().reshape(-1), []
        for black, part in zip(BLACK, (1, 2, 2), strict=True):
            high, wide = inner[1] // part, inner[0] // part
            whole = np.full((height // part, width // part), black, np.uint8)
            top, left = (whole.shape[0] - high) // 2, (whole.shape[1] - wide) // 2
            whole[top : top + high, left : left + wide] = flat[: high * wide].reshape(high, wide)
            flat = flat[high * wide :]
            planes.append(upright(frame, whole))
        return planes[0], planes[1], planes[2]
