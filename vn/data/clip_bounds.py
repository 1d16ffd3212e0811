"""Whether a story's clips are within its video: beyond its end there are no frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vn.data.video import VideoReader
from vn.errors import Findings, InputError
from vn.story import Clip

SLACK = 1.0  # seconds that a clip may end after its video: times are often rounded up
FAR = 10  # times the video's length: longer times must be in another unit
LEAST = 100  # milliseconds, the shortest clip of such times


def check_clips(
    clips: Sequence[Clip], length: float, findings: Findings, *, file: str | Path | None, sample: str | None = None
) -> set[int]:
    """Compare the times of clips with their video's length.

    Args:
        clips: clips of one story.
        length: length of the video, in seconds.
        findings: collects the clips that start or end after the video.
        file: named in messages.
        sample: the story's id, for messages.

    Returns:
        The numbers of the clips that start after the end of the video.

    Raises:
        InputError: all clips do, or the times look like milliseconds.
    """
    beyond = {i for i, clip in enumerate(clips) if clip.start >= length - 1e-6}
    has = f"the video has {length:.3g} s" if length < 1000 else f"the video has {length:.0f} s"
    last = max(range(len(clips)), key=lambda i: clips[i].end)
    if _milliseconds(clips, clips[last].end, length):
        message = f"ends at {clips[last].end:g} s, but {has}; are these milliseconds?"
        raise InputError(message, file=file, sample=sample, field=f"clips[{last}].end")
    if len(beyond) == len(clips):
        message = f"all clips are beyond the end: the first starts at {clips[0].start:g} s, but {has}"
        raise InputError(message, file=file, sample=sample, field="clips")
    for i, clip in enumerate(clips):
        if i in beyond:
            message = f"{clip.start:g} to {clip.end:g} s is beyond the end: {has}; the frame nearest to it is used"
            findings.add(message, file=file, sample=sample, field=f"clips[{i}]")
        elif clip.end > length + SLACK:
            findings.add(f"ends at {clip.end:g} s, but {has}", file=file, sample=sample, field=f"clips[{i}].end")
    return beyond


def _milliseconds(clips: Sequence[Clip], end: float, length: float) -> bool:
    """Whether times would fit the video as milliseconds, and are far too long as seconds."""
    return FAR * length < end <= 1000 * (length + SLACK) and min(clip.duration for clip in clips) >= LEAST


def sampled_length(seconds: np.ndarray, fps: float, video: Path | None, clips: Sequence[Clip]) -> float:
    """The length of a video in seconds, from its sampled frames.

    The last frame gives it to within 1 / fps; the file's header is read only if that matters, which is if a clip
    ends later.

    Args:
        seconds: ``[F]``, the time of each frame.
        fps: frames sampled per second.
        video: the file, if there is one.
        clips: clips of its story.
    """
    least, most = float(seconds[-1]), float(seconds[-1]) + 1 / fps
    if video is None or max((clip.end for clip in clips), default=0.0) <= most:
        return most
    header = VideoReader(video).duration
    return header if header is not None and least < header < most else most


def video_length(video: Path) -> float:
    """The length of a video in seconds: from its header, or, if it has none there, from decoding it.

    Raises:
        InputError: the video is missing or cannot be read.
    """
    reader = VideoReader(video)
    if reader.duration is not None:
        return reader.duration
    for _ in reader.frames():
        pass
    return reader.end
