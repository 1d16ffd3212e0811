"""Encodes a video's frames as H.264, each at its time, upright, and with subtitles drawn into them if asked for."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.container import OutputContainer
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
        self._size = (0, 0)  # of the first frame, before rotation

    def add_to(self, container: OutputContainer) -> Iterator[av.Packet]:
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

        def packets() -> Iterator[av.Packet]:
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
        height, width = planes[0].shape
        out = VideoFrame(width, height, "yuv420p")
        for plane, values in zip(out.planes, planes, strict=True):
            rows = np.zeros((plane.height, plane.line_size), np.uint8)
            rows[:, : plane.width] = values
            plane.update(rows)
        out.colorspace, out.color_range = frame.colorspace, frame.color_range
        out.pts, out.time_base = stamp, BASE
        return out

    def _planes(self, frame: VideoFrame) -> Planes:
        """The planes of a frame in the size of the first one, upright; width and height are even."""
        width, height = (side // 2 * 2 for side in self._size)
        scale = min(width / frame.width, height / frame.height)
        if (frame.width, frame.height) == self._size:
            inner = (width, height)
        else:  # a video whose frames change their size: as large as fits
            inner = tuple(max(2, round(side * scale) // 2 * 2) for side in (frame.width, frame.height))
        try:
            scaled = self._reformatter.reformat(frame, width=inner[0], height=inner[1], format="yuv420p")
        except av.error.FFmpegError as error:
            raise InputError(f"a frame cannot be converted ({error.strerror})", file=self.video) from None
        planes = []
        for plane, black, part in zip(scaled.planes, BLACK, (1, 2, 2), strict=True):
            values = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
            whole = np.full((height // part, width // part), black, np.uint8)
            top, left = ((a - b) // 2 for a, b in zip(whole.shape, values.shape, strict=True))
            whole[top : top + plane.height, left : left + plane.width] = values
            planes.append(upright(frame, whole))
        return planes[0], planes[1], planes[2]
