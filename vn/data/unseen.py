"""Skips decoding of frames that are not on screen at any sampled time, if no other frame depends on them.

In H.264, a frame that no other is predicted from is marked (``nal_ref_idc`` 0), and the decoder can drop such frames.
A frame is never sampled if the next one in display order comes before the next sampled time. Here that is decided
packet by packet, and the output is checked: all frames that were not dropped, in order and undamaged. Otherwise the
video is read again with all its frames. So the frames of an intact video are always the same; in a damaged one, damage
may occasionally be concealed from other frames than in a full decode.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vn.data.clock import SOON

# HEVC's non-reference frames may be referred to by those of a higher temporal layer; AV1 and VP9 drop none.
CODECS = ("h264",)
REORDERED = 32  # packets back in which the next frame shown is searched; H.264 reorders 16 frames at most


class UnexpectedFrames(Exception):
    """The decoded frames do not match the packets: no frame of this video may be skipped."""


class UnseenFrames:
    """Tells a decoder which frames it may drop, and checks those that it returns.

    Args:
        stream: the video.
        zero: timestamp at which playback starts, in seconds.
        fps: frames sampled per second.
        tolerance: seconds that a frame may be later than its sampled time.
    """

    def __init__(self, stream: VideoStream, zero: float | None, fps: float, tolerance: float) -> None:
        self._context = stream.codec_context
        base = stream.time_base
        if self._context.name not in CODECS or base is None or zero is None:
            raise UnexpectedFrames
        self._base = base
        self._zero = zero
        # Error concealment depends on the frames decoded before, so here damage is an error.
        self._context.options = {**self._context.options, "err_detect": "explode"}
        self._fps = fps
        self._tolerance = tolerance
        self._recent: deque[int] = deque(maxlen=REORDERED)
        self._first = math.inf  # the earliest timestamp so far
        self._due: set[int] = set()
        self._maybe: set[int] = set()

    def before(self, packet: Packet[Any]) -> None:
        """Set up the decoder for a packet of the video.

        Raises:
            UnexpectedFrames: the packet is damaged, or has no timestamp.
        """
        if not packet.size:  # the end
            return
        pts = packet.pts
        if pts is None or packet.is_corrupt or pts in self._due or pts in self._maybe:
            raise UnexpectedFrames
        if packet.is_discard:  # decoded only for other frames, never returned
            self._context.skip_frame = "DEFAULT"
            return
        after = min((other for other in self._recent if other > pts), default=None)
        self._first = min(pts, self._first)
        time = self._seconds(pts)
        counts_from_0 = pts == self._first and time <= SOON
        unseen = after is not None and not counts_from_0 and not self._sampled(time, self._seconds(after))
        (self._maybe if unseen else self._due).add(pts)
        self._context.skip_frame = "NONREF" if unseen else "DEFAULT"
        self._recent.append(pts)

    def check(self, frame: VideoFrame) -> None:
        """Check a frame from the decoder.

        Raises:
            UnexpectedFrames: it is not the next one that was due, or is damaged or interlaced.
        """
        pts = frame.pts
        if pts is None or frame.time_base != self._base or frame.is_corrupt or frame.interlaced_frame:
            raise UnexpectedFrames
        if pts in self._due:
            self._due.remove(pts)
        elif pts not in self._maybe:
            raise UnexpectedFrames
        if any(other < pts for other in self._due):
            raise UnexpectedFrames
        self._maybe = {other for other in self._maybe if other > pts}

    def finish(self) -> None:
        """Check that nothing is missing at the end.

        Raises:
            UnexpectedFrames: a frame is.
        """
        if self._due:
            raise UnexpectedFrames

    def _seconds(self, pts: int) -> float:
        """When a frame is shown, as in `vn.data.clock`, except that the first one may count from 0 on."""
        return max(0.0, float(pts) * self._base.numerator / self._base.denominator - self._zero)

    def _sampled(self, time: float, until: float) -> bool:
        """Whether a frame shown from `time` to `until` is on screen at a sampled time."""
        number = max(0, int((time - self._tolerance) * self._fps) - 1)
        while number / self._fps + self._tolerance < time:
            number += 1
        return number / self._fps + self._tolerance < until
