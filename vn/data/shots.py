"""Shots: where a video without annotated clips is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from av.video.frame import VideoFrame

from vn.data.video import VideoReader, turned
from vn.errors import Findings, InputError, did_you_mean

WIDTH = 256  # pixels; larger pictures are scaled down to it, since cuts show as well and sooner
RESHAPED = 1.03  # times by which the ratio of width to height changes, above which it is another shape
MINIMUM = 1.0  # seconds
SURE = 1e-6  # seconds by which times may differ through rounding


@dataclass(frozen=True, slots=True)
class ShotSettings:
    """How shots are found.

    Args:
        detector: a name of `DETECTORS`.
        threshold: its own; a lower one finds more. None: its usual one.

    Raises:
        InputError: there is no such detector, or the threshold is out of its range.
    """

    detector: str = "combined"
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.detector not in DETECTORS:
            names = ", ".join(DETECTORS)
            hint = did_you_mean(self.detector, DETECTORS)
            raise InputError(f"no shot detector {self.detector!r}{hint}; there are {names}", field="--shots")
        _, most = RANGES[self.detector]
        if self.threshold is not None and not 0 < self.threshold <= most:
            message = f"expected above 0, up to {most:g}, for {self.detector}, got {self.threshold:g}"
            raise InputError(message, field="--shot-threshold")

    def to_dict(self) -> dict[str, Any]:
        """For the record of what data are made from."""
        usual, _ = RANGES[self.detector]
        return {"detector": self.detector, "threshold": self.threshold if self.threshold is not None else usual}


class ShotDetector(Protocol):
    """Finds where one shot ends and the next begins, in pictures that all have one size."""

    def add(self, time: float, picture: np.ndarray) -> None:
        """Take the next picture, ``[height, width, 3]`` uint8 BGR, shown from `time` on (seconds)."""
        ...

    def cuts(self, end: float) -> Iterable[float]:
        """After the last picture, which leaves the screen at `end`: where shots begin, in seconds."""
        ...


def _combined(threshold: float) -> ShotDetector:
    from vn.data.shot_detectors import Combined

    return Combined(threshold)


def _adaptive(threshold: float) -> ShotDetector:
    from vn.data.shot_detectors import adaptive

    return adaptive(threshold)


def _content(threshold: float) -> ShotDetector:
    from vn.data.shot_detectors import content

    return content(threshold)


def _transnetv2(threshold: float) -> ShotDetector:
    from vn.data.transnet import TransNet

    return TransNet(threshold)


DETECTORS: dict[str, Callable[[float], ShotDetector]] = {
    "combined": _combined,
    "adaptive": _adaptive,
    "content": _content,
    "transnetv2": _transnetv2,
}
RANGES = {"combined": (3.0, 100.0), "adaptive": (3.0, 100.0), "content": (27.0, 255.0), "transnetv2": (0.5, 1.0)}


def find_shots(
    path: str | Path,
    minimum: float = MINIMUM,
    findings: Findings | None = None,
    sample: str | None = None,
    settings: ShotSettings | None = None,
) -> list[tuple[float, float]]:
    """Cut a video into shots.

    Shots begin and end at time stamps of frames, rounded to milliseconds, on the clock that a player shows. Where the
    shape of the picture changes, as from upright to wide, a shot ends; where its size alone changes, none does.

    Args:
        path: the video.
        minimum: seconds; shorter shots are joined as in `join_short`.
        findings: told when the file is damaged.
        sample: the story's id, for messages.
        settings: how; None: the usual way.

    Returns:
        Start and end of each shot in seconds: without gaps, from the first picture (at 0, unless sound comes first) to
        the end of the last one, at least one.

    Raises:
        InputError: the video is missing or cannot be read, or the detector's package is missing.
    """
    settings = settings or ShotSettings()
    usual, _ = RANGES[settings.detector]
    threshold = usual if settings.threshold is None else settings.threshold
    reader = VideoReader(path, sample)
    detector = DETECTORS[settings.detector](threshold)
    times: list[float] = []
    cuts: list[float] = []
    shape: float | None = None
    size = (0, 0)
    for time, frame in reader.frames():
        now = _shape(frame)
        if shape is None or max(now / shape, shape / now) > RESHAPED:
            if shape is not None:
                cuts += [*detector.cuts(time), time]
                detector = DETECTORS[settings.detector](threshold)
            width = min(WIDTH, frame.width)
            shape, size = now, (width, max(2, frame.height * width // frame.width))
        times.append(time)
        detector.add(time, reader.small(frame, *size))
    cuts += detector.cuts(reader.end)
    if findings is not None and reader.damage:
        findings.add(reader.damage, file=path, sample=sample)
    return join_short(_on_frames(cuts, times), reader.end, minimum, reader.start)


def join_short(cuts: list[float], end: float, minimum: float, start: float = 0.0) -> list[tuple[float, float]]:
    """Shots between `cuts`, none shorter than `minimum` unless the whole video is.

    Short shots that follow each other are put together until they are long enough. What is left over, or a short shot
    alone, is joined to the shot before it; at the start of the video, to the next one. So a shot that is long enough
    always begins where it did, and a quick sequence of cuts does not become one long shot.

    Args:
        cuts: in seconds, ascending.
        end: of the last picture.
        minimum: seconds.
        start: of the first picture.
    """
    shots: list[list[float]] = []
    waiting: float | None = None  # where short shots that are not yet long enough together begin
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
    """The frames' times nearest to some cuts, ascending, each once; the first frame is no cut."""
    stamps = np.array(times)
    after = np.searchsorted(stamps, np.array(sorted(cuts)), side="left")
    nearest: set[float] = set()
    for cut, i in zip(sorted(cuts), after, strict=True):
        around = stamps[max(0, i - 1) : i + 1]
        nearest.add(float(around[np.abs(around - cut).argmin()]))
    return sorted(nearest - {times[0]})
