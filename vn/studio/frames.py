"""One frame of each clip, as small JPEGs inside the page."""

from __future__ import annotations

import base64
import functools
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vn.studio.edits import Entry

FPS = 2.0  # frames per second to choose from
KEPT = 8  # videos whose frames are kept in memory


def frames_of(video: Path, clips: Sequence[Entry]) -> list[str]:
    """A frame from the middle of each clip, as a ``data:`` URI.

    Args:
        video: the video.
        clips: entries of the clips.

    Raises:
        InputError: the video cannot be read.
    """
    about = video.stat()
    seconds, jpegs = _sampled(video, about.st_size, about.st_mtime_ns)
    middles = [(clip["start"] + clip["end"]) / 2 for clip in clips]
    return [jpegs[max(0, bisect_right(seconds, middle) - 1)] for middle in middles]


@functools.lru_cache(KEPT)
def _sampled(video: Path, size: int, changed: int) -> tuple[list[float], list[str]]:
    """All sampled frames of a video; size and time of its last change tell a new file from the old one."""
    from vn.data.thumbs import strip, thumbnail
    from vn.data.video import sample_frames

    seconds, jpegs = [], []
    for second, frame in sample_frames(video, FPS):
        seconds.append(second)
        jpegs.append("data:image/jpeg;base64," + base64.b64encode(strip([thumbnail(frame)])).decode())
    return seconds, jpegs
