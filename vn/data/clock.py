"""The clock of a video's player: when each picture is shown, counted from where the file starts to play.

A file starts with the first of its sounds and pictures. So a picture that comes three seconds after the sound is at
3 s, as a player shows it and subtitles need it, and a recording whose time stamps begin at 1.4 s or at ten hours starts
at 0. Files often begin with some hundredths of a second of sound alone (a codec's delay): a first picture that comes
within `SOON` is taken to be on screen from 0 on.
"""

from __future__ import annotations

from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

SOON = 0.25  # seconds


def is_cover(stream: Stream) -> bool:
    """Whether a stream is a still picture that belongs to the file, such as an album's cover."""
    return bool(stream.disposition & Disposition.attached_pic)


def start_of(container: InputContainer) -> float | None:
    """The time stamp, in seconds, at which a file starts to play; None if nothing says it."""
    starts = [_start(s) for s in container.streams if s.type in ("audio", "video") and not is_cover(s)]
    known = [start for start in starts if start is not None]
    if known:
        return min(known)
    return None if container.start_time is None else container.start_time / av.time_base


def header_end(container: InputContainer, stream: VideoStream, zero: float | None) -> float | None:
    """When the last picture leaves the screen, in seconds on a player's clock, as a file's header says; None if not."""
    if stream.duration is not None and stream.time_base is not None:
        start = _start(stream)
        late = 0.0 if start is None or zero is None else max(0.0, start - zero)
        return late + float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


def packet_end(packet: Packet[Any], zero: float | None) -> float:
    """Up to when a packet lasts, in seconds; 0 if it does not say.

    What a header calls the file's duration is counted from its start in some formats and from time stamp 0 in others:
    this is the later of the two.
    """
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base) - min(0.0, zero or 0.0)


class Clock:
    """Gives the times of one video's frames, which come in the order shown.

    Args:
        zero: time stamp at which the file starts to play, in seconds; None: that of the first frame.
        usual: seconds per frame, for frames that do not say.
    """

    def __init__(self, zero: float | None, usual: float) -> None:
        self.zero = zero
        self.usual = usual
        self._next: float | None = None  # for frames without a time stamp

    def of(self, frame: VideoFrame) -> tuple[float, float]:
        """When a frame is shown, in seconds on a player's clock, and for how many seconds, as far as it says."""
        seconds = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else self.usual
        first = self._next is None
        stamp = frame.time
        if stamp is None:
            time = self._next or 0.0
        else:
            self.zero = stamp if self.zero is None else self.zero
            time = max(0.0, stamp - self.zero)
        if first and time <= SOON:
            self._next, time, seconds = time + seconds, 0.0, time + seconds
        else:
            self._next = time + seconds
        return time, seconds


def _start(stream: Stream) -> float | None:
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)
