"""Decoding: the frame on screen at each second of a video, robust to any kind of file.

All times are those that a player shows (`vn.data.clock`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from vn.data.clock import Clock, header_end, is_cover, packet_end, start_of
from vn.data.read_ahead import check_wanted, processors_each
from vn.data.unseen import UnexpectedFrames, UnseenFrames
from vn.errors import Findings, InputError

TOLERANCE = 0.02  # seconds; a frame due at a whole second may have a timestamp slightly after it
SHORT_BY = 1.0  # seconds that may be missing at the end before it is worth a warning
BEYOND = 10.0  # a timestamp this many seconds after the end is damaged
MOST_THREADS = 16  # threads of a codec: more do not help
MOST_ERRORS = 1000  # after this many, what follows is noise


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The header of a video.

    Attributes:
        duration: seconds from the start to the end of the last frame; None if the header does not have it.
        width: width of the frames as shown, so after rotation.
        height: height of the frames as shown.
        fps: frames per second, on average.
    """

    duration: float | None
    width: int
    height: int
    fps: float


def probe(path: str | Path) -> VideoInfo:
    """Read a video's header and its first frame.

    Raises:
        InputError: the file is missing, or is not a video that can be decoded.
    """
    reader = VideoReader(path)
    frames = reader.frames()
    try:
        height, width = reader.picture(next(frames)[1]).shape[:2]
    finally:
        frames.close()  # type: ignore[attr-defined]
    return VideoInfo(reader.duration, width, height, reader.fps)


def sample_frames(
    path: str | Path, fps: float = 1.0, findings: Findings | None = None, sample: str | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """The frames on screen at 0, 1/fps, 2/fps, ... seconds (docs/method.md#frame-sampling).

    Before the first frame nothing is on screen, so a video whose frames start at 3 s has none at 0, 1 and 2 s. There is
    always at least one: if all frames are between two sampled times, the last frame. Only one frame at a time is in
    memory, and only the frames returned are converted from the video's own colours.

    Args:
        path: the video.
        fps: frames per second.
        findings: receives a warning if the file is damaged or ends early; what can be read is used.
        sample: the story's id, for messages.

    Yields:
        Seconds on a player's clock and the frame, ``[height, width, 3]`` uint8 RGB, upright.

    Raises:
        InputError: the file is missing, is not a video, or nothing of it can be decoded.
    """
    reader = VideoReader(path, sample)
    given = -1.0
    try:
        for given, frame in _on_screen(reader, fps, leave_out=True):
            yield given, reader.picture(frame)
    except UnexpectedFrames:
        for second, frame in _on_screen(reader, fps, leave_out=False):
            if second > given:
                yield second, reader.picture(frame)
    if findings is not None and reader.damage:
        findings.add(reader.damage, file=path, sample=sample)
    if findings is not None and reader.guessed:
        findings.add("has a colour space that cannot be converted; the default was used", file=path, sample=sample)


def _on_screen(reader: VideoReader, fps: float, leave_out: bool) -> Iterator[tuple[float, VideoFrame]]:
    """Each sampled time and its frame; with `leave_out`, other frames are decoded only if these depend on them."""
    tolerance = min(0.5 / reader.fps, TOLERANCE)
    shown: VideoFrame | None = None
    since = 0.0
    first = number = 0
    for time, frame in reader.frames((fps, tolerance) if leave_out else None):
        if shown is None:
            first = number = max(0, math.ceil((time - tolerance) * fps - 1e-9))
        while shown is not None and number / fps + tolerance < time:
            yield number / fps, shown
            number += 1
        shown, since = frame, time
    assert shown is not None  # frames() yields one or raises
    while number / fps + tolerance < reader.end:
        yield number / fps, shown
        number += 1
    if number == first:
        yield round(since, 3), shown


class VideoReader:
    """One pass over a video's frames that skips damaged parts.

    Args:
        path: the video.
        sample: the story's id, for messages.

    Attributes:
        fps: frames per second, on average, from the header (25 if it has none).
        rate: the same as a fraction.
        pixel: width of a pixel relative to its height; None if the header does not have it.
        duration: end of the last frame in seconds, from the header; None if it has none.
        start: start of the first frame read, in seconds: 0 unless audio comes first (`vn.data.clock`).
        end: end of the last frame read, in seconds.
        damage: what was wrong, after all frames were read; None if nothing was.
        guessed: whether a frame had a colour space that cannot be converted, and was read with the default one.

    Raises:
        InputError: the file is missing or is not a video.
    """

    def __init__(self, path: str | Path, sample: str | None = None) -> None:
        self.path = path
        self.sample = sample
        self.start = self.end = 0.0
        self.damage: str | None = None
        self.guessed = False
        self._colours = VideoReformatter()  # caches the tables of the first frame
        with self._open() as container:
            stream = self._stream(container)
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
            self.fps = float(self.rate)
            self.pixel: Fraction | None = stream.sample_aspect_ratio or None
            self._zero = start_of(container)
            self.duration = header_end(container, stream, self._zero)

    def frames(self, sampled: tuple[float, float] | None = None) -> Iterator[tuple[float, VideoFrame]]:
        """The time of each frame, in seconds on a player's clock, and the frame, in display order.

        Args:
            sampled: frames per second and tolerance in seconds, if only frames on screen at those times are needed:
                some of the others are left out.

        Raises:
            InputError: no frame can be decoded.
            UnexpectedFrames: with `sampled`: no frame of this video may be skipped; read it again without.
        """
        self.start, self.end, self.damage = 0.0, 0.0, None
        errors = 0
        last = -1.0
        data_end = 0.0  # end of all streams: audio may go on after the last frame
        with self._open() as container:
            stream = self._stream(container)
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = min(processors_each(), MOST_THREADS)
            unseen = UnseenFrames(stream, self._zero, *sampled) if sampled is not None else None
            clock = Clock(self._zero, 1 / self.fps)
            packets = container.demux()
            while errors < MOST_ERRORS:
                check_wanted()
                try:
                    packet = next(packets)
                    data_end = max(data_end, packet_end(packet, self._zero))
                    ours = packet.stream_index == stream.index
                    if ours and unseen is not None:
                        unseen.before(packet)
                    decoded = stream.decode(packet) if ours else []
                except (StopIteration, av.error.EOFError):
                    break
                except (av.error.FFmpegError, IndexError) as error:
                    if unseen is not None:
                        raise UnexpectedFrames from None
                    errors += 1
                    if isinstance(error, IndexError):  # raised by PyAV if damage looks like one more stream
                        packets = container.demux()
                    continue
                errors += packet.is_corrupt
                for frame in decoded:
                    if unseen is not None:
                        unseen.check(frame)
                    errors += frame.is_corrupt
                    time, seconds = clock.of(frame)
                    if time < last or (self.duration is not None and time > self.duration + BEYOND):
                        if unseen is not None:
                            raise UnexpectedFrames
                        errors += 1
                        continue
                    self.start = time if last < 0 else self.start
                    last, self.end = time, time + seconds
                    yield time, frame
            if unseen is not None:
                unseen.finish()
            if last < 0:
                raise self._error("no frame can be decoded")
            exact = container.format.name != "asf"  # its header counts a late start twice, and all streams as long
            pictures_missing = exact and stream.duration is not None and self.end < (self.duration or 0) - SHORT_BY
            data_missing = (
                exact and container.duration is not None and data_end < container.duration / av.time_base - SHORT_BY
            )
        if pictures_missing or data_missing:
            self.damage = f"can be read up to {self.end:.1f} s of {self.duration:.1f} s; that part is used"
        elif errors:
            self.damage = "damaged; what can be read is used"

    def picture(self, frame: VideoFrame) -> np.ndarray:
        """A frame of this video as an array ``[height, width, 3]`` uint8 RGB, rotated by its display matrix.

        Raises:
            InputError: it cannot be converted.
        """
        return upright(frame, self._converted(frame, format="rgb24").to_ndarray())

    def small(self, frame: VideoFrame, width: int, height: int) -> np.ndarray:
        """A frame of this video scaled to ``[height, width, 3]`` uint8 BGR, not rotated.

        Raises:
            InputError: it cannot be converted.
        """
        return self._converted(frame, format="bgr24", width=width, height=height).to_ndarray()

    def _converted(self, frame: VideoFrame, **how: Any) -> VideoFrame:
        # One thread: starting several for each frame takes four times as long as the work.
        try:
            try:
                return self._colours.reformat(frame, threads=1, **how)
            except av.error.FFmpegError:  # a rare colour space, or a damaged header
                self.guessed = True
                usual: dict[str, Any] = {"src_colorspace": Colorspace.DEFAULT, "src_color_range": ColorRange.MPEG}
                return self._colours.reformat(frame, threads=1, **how, **usual)
        except av.error.FFmpegError as error:
            raise self._error(f"a frame cannot be converted ({error.strerror})") from None

    def _open(self) -> InputContainer:
        if not os.path.isfile(self.path):
            raise self._error("no such video" if not os.path.exists(self.path) else "is not a file")
        try:
            # An absolute path, since FFmpeg takes 'name:' at the start of a path as a protocol.
            return av.open(os.path.abspath(self.path), metadata_errors="replace")
        except av.error.FFmpegError as error:
            raise self._error(f"not a video that can be read ({error.strerror})") from None

    def _stream(self, container: InputContainer) -> VideoStream:
        streams = [s for s in container.streams.video if not is_cover(s)]
        if not streams or streams[0].codec_context is None:
            raise self._error("has no video that can be decoded")
        return streams[0]

    def _error(self, message: str) -> InputError:
        return InputError(message, file=self.path, sample=self.sample)


def turned(frame: VideoFrame) -> bool:
    """Whether a frame is shown rotated by 90 degrees, so that width and height are swapped."""
    matrix = _matrix(frame)
    return matrix is not None and _swaps(matrix)


def upright(frame: VideoFrame, values: np.ndarray) -> np.ndarray:
    """Values of a frame's pixels, ``[height, width, ...]``, upright by its display matrix, if it has one."""
    matrix = _matrix(frame)
    return values if matrix is None else _upright(values, matrix)


def _matrix(frame: VideoFrame) -> np.ndarray | None:
    """The numbers a, b, u, c, d of a frame's display matrix, if it has one."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data)[:20], dtype="=i4").astype(np.int64)


def _swaps(matrix: np.ndarray) -> bool:
    a, b, _, c, d = matrix
    return bool(abs(b) + abs(c) > abs(a) + abs(d))


def _upright(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A frame rotated and mirrored by a display matrix."""
    # x' = a x + c y, y' = b x + d y (fixed point); of rotations, only right angles make sense for frames.
    a, b, _, c, d = matrix
    if _swaps(matrix):
        picture = picture.swapaxes(0, 1)
        mirror_x, mirror_y = c < 0, b < 0
    else:
        mirror_x, mirror_y = a < 0, d < 0
    picture = picture[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    return np.ascontiguousarray(picture)
