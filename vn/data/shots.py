"""Shots: the clips of a video without annotated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from vn.data.shot_detector import ShotDetector
from vn.data.shot_settings import ShotSettings
from vn.data.video import VideoReader, turned
from vn.errors import Findings

WIDTH = 256  # pixels; larger frames are scaled down to it, which is faster and finds the same cuts
RESHAPED = 1.03  # factor by which the aspect ratio may change and still count as the same shape
MINIMUM = 1.0  # seconds
SURE = 1e-6  # seconds by which times may differ through rounding
Follow = Callable[[float, VideoFrame, np.ndarray], None]
"""Takes each frame's time, the frame, and its copy of at most `WIDTH` pixels, ``[height, width, 3]`` uint8 BGR."""


def make_detector(settings: ShotSettings) -> ShotDetector:
    """A detector for frames of one size.

    Raises:
        InputError: its package is missing.
    """
    if settings.detector == "transnetv2":
        from vn.data.transnet import TransNet

        return TransNet(settings.level)
    from vn.data.shot_detectors import DETECTORS

    return DETECTORS[settings.detector](settings.level)


def find_shots(
    path: str | Path,
    minimum: float = MINIMUM,
    findings: Findings | None = None,
    sample: str | None = None,
    settings: ShotSettings | None = None,
    follow: Follow | None = None,
) -> list[tuple[float, float]]:
    """Cut a video into shots.

    Shots begin and end at timestamps of frames, rounded to milliseconds, on a player's clock. A shot ends where the
    aspect ratio changes, e.g. from portrait to landscape, but not where only the resolution changes.

    Args:
        path: the video.
        minimum: seconds; shorter shots are joined as in `join_short`.
        findings: receives a warning if the file is damaged.
        sample: the story's id, for messages.
        settings: detector and threshold; None: the default.
        follow: is called with each frame, so that a video need not be decoded again for something else.

    Returns:
        Start and end of each shot in seconds: without gaps, from the first frame (at 0, unless audio comes first) to
        the end of the last one, at least one shot.

    Raises:
        InputError: the video is missing or cannot be read, or the detector's package is missing.
    """
    settings = settings or ShotSettings()
    reader = VideoReader(path, sample)
    detector = make_detector(settings)
    times: list[float] = []
    cuts: list[float] = []
    shape: float | None = None
    size = (0, 0)
    for time, frame in reader.frames():
        now = _shape(frame)
        if shape is None or max(now / shape, shape / now) > RESHAPED:
            if shape is not None:
                cuts += [*detector.cuts(time), time]
                detector = make_detector(settings)
            width = min(WIDTH, frame.width)
            shape, size = now, (width, max(2, frame.height * width // frame.width))
        times.append(time)
        small = reader.small(frame, *size)
        detector.add(time, small)
        if follow is not None:
            follow(time, frame, small)
    cuts += detector.cuts(reader.end)
    if findings is not None and reader.damage:
        findings.add(reader.damage, file=path, sample=sample)
    return join_short(_on_frames(cuts, times), reader.end, minimum, reader.start)


def join_short(cuts: list[float], end: float, minimum: float, start: float = 0.0) -> list[tuple[float, float]]:
    """Shots between `cuts`, none shorter than `minimum` unless the whole video is.

    Consecutive short shots are joined until they are long enough. What is left over, or a short shot alone, is joined
    to the previous shot, or at the start of the video to the next one. So a shot that is long enough always begins
    where it did, and a fast sequence of cuts does not become one long shot.

    Args:
        cuts: times of cuts in seconds, ascending.
        end: end of the last frame.
        minimum: seconds.
        start: start of the first frame.
    """
    shots: list[list[float]] = []
    waiting: float | None = None  # start of short shots that are not yet long enough together
    for here, there in pairwise([start, *cuts, end]):
        if there - here >= minimum - SURE:
            if waiting is not None and shots:
                shots[-1][1] = here
            shots.append([waiting if waiting is not None and not shots else here, there])
            waiting = None
            continue
        waiting = here if waiting is None else waiting
        if there - waiting >= minimum - SURE:
            shots.append([waiting, there])
            waiting = None
    if not shots:
        return [(round(start, 3), round(end, 3))]
    shots[-1][1] = end
    return [(round(begin, 3), round(stop, 3)) for begin, stop in shots]


def _shape(frame: VideoFrame) -> float:
    """Width over height as shown."""
    return frame.height / frame.width if turned(frame) else frame.width / frame.height


def _on_frames(cuts: Iterable[float], times: list[float]) -> list[float]:
    """The frames' times nearest to some cuts, ascending, each once; the first frame is not a cut."""
    stamps = np.array(times)
    after = np.searchsorted(stamps, np.array(sorted(cuts)), side="left")
    nearest: set[float] = set()
    for cut, i in zip(sorted(cuts), after, strict=True):
        around = stamps[max(0, i - 1) : i + 1]
        nearest.add(float(around[np.abs(around - cut).argmin()]))
    return sorted(nearest - {times[0]})
