"""Decoding: the picture on screen at each second of a video, whatever the file is like.

All times are those that a player shows (`vn.data.clock`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
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

TOLERANCE = 0.02  # seconds; a frame due at a whole second may be stamped a little after it
SHORT_BY = 1.0  # seconds that may be missing at the end before it is worth a warning
BEYOND = 10.0  # a time stamp this many seconds after the end is a damaged one
MOST_THREADS = 16  # of a codec: more gain nothing
MOST_ERRORS = 1000  # after so many, what follows is noise


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video's header says.

    Attributes:
        duration: seconds from the start to the end of the last picture; None if the header does not say.
        width: of the pictures as shown, so after rotation.
        height: of the pictures as shown.
        fps: frames a second, on average.
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
    """The picture on screen at time 0, 1/fps, 2/fps, ... (docs/method.md#frame-sampling).

    Before the first picture nothing is on screen, so a video whose picture starts at 3 s has none of 0, 1 and 2 s. The
    last picture is the last one on screen at a sampled time. There is always at least one: if a video is shown between
    two sampled times only, its last frame. Only one picture at a time is in memory, and only the pictures given are
    converted from the video's own colours.

    Args:
        path: the video.
        fps: pictures a second.
        findings: told when the file is damaged or ends early; what can be read is used.
        sample: the story's id, for messages.

    Yields:
        Seconds on a player's clock and the picture, ``[height, width, 3]`` uint8 RGB, upright.

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
        findings.add("has colours that cannot be converted; they were read as usual ones", file=path, sample=sample)


def _on_screen(reader: VideoReader, fps: float, leave_out: bool) -> Iterator[tuple[float, VideoFrame]]:
    """Each sampled time and its frame; with `leave_out`, other frames are decoded only if these need them."""
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
    assert shown is not None  # frames() gives one or raises
    while number / fps + tolerance < reader.end:
        yield number / fps, shown
        number += 1
    if number == first:
        yield round(since, 3), shown


class VideoReader:
    """One pass over a video's frames that reads around damage.

    Args:
        path: the video.
        sample: the story's id, for messages.

    Attributes:
        fps: frames a second, on average, as the header says (25 where it does not).
        duration: when the last picture leaves the screen, in seconds, as the header says; None if it does not.
        start: when the first frame read comes on screen, in seconds: 0 unless sound comes first (`vn.data.clock`).
        end: when the last frame read leaves the screen, in seconds.
        damage: what was wrong, after all frames were read; None if nothing was.
        guessed: whether a frame's colours were marked in a way that cannot be converted, and read as usual ones.

    Raises:
        InputError: the file is missing or is not a video.
    """

    def __init__(self, path: str | Path, sample: str | None = None) -> None:
        self.path = path
        self.sample = sample
        self.start = self.end = 0.0
        self.damage: str | None = None
        self.guessed = False
        self._colours = VideoReformatter()  # keeps the tables that it makes for the first frame
        with self._open() as container:
            stream = self._stream(container)
            self.fps = float(stream.average_rate or stream.guessed_rate or 25)
            self._zero = start_of(container)
            self.duration = header_end(container, stream, self._zero)

    def frames(self, sampled: tuple[float, float] | None = None) -> Iterator[tuple[float, VideoFrame]]:
        """The time of each frame, in seconds on a player's clock, and the frame, in the order shown.

        Args:
            sampled: pictures a second and tolerance in seconds, where only frames on screen at those times matter: of
                the others some are left out.

        Raises:
            InputError: not one frame can be decoded.
            UnexpectedFrames: with `sampled`: nothing may be left out of this video, so it has to be read without.
        """
        self.start, self.end, self.damage = 0.0, 0.0, None
        errors = 0
        last = -1.0
        data_end = 0.0  # of all streams: sound may go on after the last picture
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
                    if isinstance(error, IndexError):  # of PyAV: damage that looks like one more stream
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
                raise self._error("no frame of it can be decoded")
            exact = container.format.name != "asf"  # whose header counts a late start twice, and all streams as long
            pictures_missing = exact and stream.duration is not None and self.end < (self.duration or 0) - SHORT_BY
            data_missing = (
                exact and container.duration is not None and data_end < container.duration / av.time_base - SHORT_BY
            )
        if pictures_missing or data_missing:
            self.damage = f"can be read up to {self.end:.1f} s of {self.duration:.1f} s; that part is used"
        elif errors:
            self.damage = "damaged; what can be read is used"

    def picture(self, frame: VideoFrame) -> np.ndarray:
        """A frame of this video as an array ``[height, width, 3]`` uint8 RGB, upright as its display matrix says.

        Raises:
            InputError: it cannot be converted.
        """
        rgb = self._converted(frame, format="rgb24").to_ndarray()
        matrix = _matrix(frame)
        return rgb if matrix is None else _upright(rgb, matrix)

    def small(self, frame: VideoFrame, width: int, height: int) -> np.ndarray:
        """A frame of this video scaled to ``[height, width, 3]`` uint8 BGR, not turned.

        Raises:
            InputError: it cannot be converted.
        """
        return self._converted(frame, format="bgr24", width=width, height=height).to_ndarray()

    def _converted(self, frame: VideoFrame, **how: Any) -> VideoFrame:
        # One thread: making several for each frame costs four times what they do.
        try:
            try:
                return self._colours.reformat(frame, threads=1, **how)
            except av.error.FFmpegError:  # a rare colour space, or a damaged header
                self.guessed = True
                usual: dict[str, Any] = {"src_colorspace": Colorspace.DEFAULT, "src_color_range": ColorRange.MPEG}
                return self._colours.reformat(frame, threads=1, **how, **usual)
        except av.error.FFmpegError as error:
            raise self._error(f"a picture of it cannot be converted ({error.strerror})") from None

    def _open(self) -> InputContainer:
        if not os.path.isfile(self.path):
            raise self._error("no such video" if not os.path.exists(self.path) else "is not a file")
        try:
            # An absolute path, since FFmpeg takes 'name:' at the start of one for a protocol.
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
    """Whether a frame is shown on its side, so that its width is its height."""
    matrix = _matrix(frame)
    return matrix is not None and _swaps(matrix)


def _matrix(frame: VideoFrame) -> np.ndarray | None:
    """The numbers a, b, u, c, d of a frame's display matrix, if it has one."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else np.frombuffer(bytes(data)[:20], dtype="=i4").astype(np.int64)


def _swaps(matrix: np.ndarray) -> bool:
    a, b, _, c, d = matrix
    return bool(abs(b) + abs(c) > abs(a) + abs(d))


def _upright(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A picture turned and mirrored as a display matrix says."""
    # x' = a x + c y, y' = b x + d y (fixed point); of turns, only right angles make sense for pictures.
    a, b, _, c, d = matrix
    if _swaps(matrix):
        picture = picture.swapaxes(0, 1)
        mirror_x, mirror_y = c < 0, b < 0
    else:
        mirror_x, mirror_y = a < 0, d < 0
    picture = picture[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    return np.ascontiguousarray(picture)
