"""The clock of a video player: when each frame is shown, relative to the start of playback.

A file starts with its first audio or video. So a frame that comes three seconds after the sound is at 3 s, as players
and subtitles have it, and a recording whose timestamps begin at 1.4 s or at ten hours starts at 0. Files often begin
with some hundredths of a second of audio alone (codec delay): a first frame within `SOON` counts as shown from 0 on.
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
    """Whether a stream is a still attached to the file, such as an album cover."""
    return bool(stream.disposition & Disposition.attached_pic)


def start_of(container: InputContainer) -> float | None:
    """The timestamp, in seconds, at which playback of a file starts; None if it is unknown."""
    starts = [_start(s) for s in container.streams if s.type in ("audio", "video") and not is_cover(s)]
    known = [start for start in starts if start is not None]
    if known:
        return min(known)
    return None if container.start_time is None else container.start_time / av.time_base


def header_end(container: InputContainer, stream: VideoStream, zero: float | None) -> float | None:
    """End of the last frame, in seconds on a player's clock, from the file's header; None if it has none."""
    if stream.duration is not None and stream.time_base is not None:
        start = _start(stream)
        late = 0.0 if start is None or zero is None else max(0.0, start - zero)
        return late + float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / av.time_base


def packet_end(packet: Packet[Any], zero: float | None) -> float:
    """The end of a packet in seconds; 0 if it has no timestamp.

    The file's duration in a header counts from its start in some formats and from timestamp 0 in others: this is the
    later of the two.
    """
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base) - min(0.0, zero or 0.0)


class Clock:
    """Gives the times of one video's frames, in display order.

    Args:
        zero: timestamp at which playback starts, in seconds; None: that of the first frame.
        usual: seconds per frame, for frames without a duration.
    """

    def __init__(self, zero: float | None, usual: float) -> None:
        self.zero = zero
        self.usual = usual
        self._next: float | None = None  # for frames without a timestamp

    def of(self, frame: VideoFrame) -> tuple[float, float]:
        """When a frame is shown, in seconds on a player's clock, and for how many seconds."""
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
