"""Frames that are on screen at no sampled time need no decoding, where nothing else depends on them.

In H.264, a frame that no other is predicted from says so (``nal_ref_idc`` 0), and its decoder drops such frames when
asked to. A frame is never seen if the next one in the order shown comes before the next sampled time. Here that is
decided packet by packet, and what comes out is checked: all frames that were not given up, in order and undamaged.
Otherwise the video is read again with all its frames. So the pictures of a sound video are always the same; in a
damaged one, damage may now and then be patched up from other frames than with all of them.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vn.data.clock import SOON

# HEVC's non-reference pictures may be referred to by those of a higher temporal layer; AV1 and VP9 drop none.
CODECS = ("h264",)
REORDERED = 32  # packets back that the next frame shown is looked for; H.264 reorders 16 frames at most


class UnexpectedFrames(Exception):
    """What was decoded is not what the packets promised: nothing may be left out of this video."""


class UnseenFrames:
    """Tells a decoder which frames it may drop, and checks those that it gives.

    Args:
        stream: the video.
        zero: time stamp at which the file starts to play, in seconds.
        fps: pictures a second that are sampled.
        tolerance: seconds that a frame may be late for its time.
    """

    def __init__(self, stream: VideoStream, zero: float | None, fps: float, tolerance: float) -> None:
        self._context = stream.codec_context
        base = stream.time_base
        if self._context.name not in CODECS or base is None or zero is None:
            raise UnexpectedFrames
        self._base = base
        self._zero = zero
        # How damage is patched up depends on which frames were decoded before: here it is an error.
        self._context.options = {**self._context.options, "err_detect": "explode"}
        self._fps = fps
        self._tolerance = tolerance
        self._recent: deque[int] = deque(maxlen=REORDERED)
        self._first = math.inf  # the earliest time stamp so far
        self._due: set[int] = set()
        self._maybe: set[int] = set()

    def before(self, packet: Packet[Any]) -> None:
        """Set up the decoder for a packet of the video.

        Raises:
            UnexpectedFrames: the packet is damaged, or does not say when it is shown.
        """
        if not packet.size:  # the end
            return
        pts = packet.pts
        if pts is None or packet.is_corrupt or pts in self._due or pts in self._maybe:
            raise UnexpectedFrames
        if packet.is_discard:  # decoded for others' sake, never given
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
        """Check a frame that the decoder gave.

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
        """When a frame is shown, as `vn.data.clock` has it, except that the first one may count from 0 on."""
        return max(0.0, float(pts) * self._base.numerator / self._base.denominator - self._zero)

    def _sampled(self, time: float, until: float) -> bool:
        """Whether a frame shown from `time` to `until` is the one of a sampled time."""
        number = max(0, int((time - self._tolerance) * self._fps) - 1)
        while number / self._fps + self._tolerance < time:
            number += 1
        return number / self._fps + self._tolerance < until
