"""The stage ``shots``: the clips of a video, and what it looks like, in one pass over its frames."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from vn.annotate.fingerprint import FrameHashes
from vn.annotate.long_shots import Span, split_long
from vn.annotate.results import Shots
from vn.annotate.stage import Before, Made, RawVideo
from vn.data.shot_settings import ShotSettings
from vn.data.shots import find_shots
from vn.data.video import VideoReader, upright
from vn.errors import Findings, InputError

VERSION = 1  # raise it when the same video gives other clips or hashes

Activity = Callable[[Path], Sequence[Span]]
"""When somebody speaks in a video: start and end in seconds."""


@dataclass(frozen=True, slots=True)
class ClipLengths:
    """How long clips are, in seconds.

    Attributes:
        shortest: shorter shots are joined (`vn.data.shots.join_short`).
        longest: longer shots are split (`vn.annotate.long_shots`).
        video: longest video that is worked on.

    Raises:
        InputError: one of them is out of its range.
    """

    shortest: float = 1.0
    longest: float = 30.0
    video: float = 7200.0

    def __post_init__(self) -> None:
        if not self.shortest > 0:
            raise InputError(f"expected seconds above 0, got {self.shortest:g}", field="--shortest")
        if not 2 * self.shortest <= self.longest:
            message = f"expected at least twice --shortest ({2 * self.shortest:g} s), got {self.longest:g}"
            raise InputError(message, field="--longest")
        for name, seconds in (("--longest", self.longest), ("--longest-video", self.video)):
            if not 0 < seconds < math.inf:
                raise InputError(f"expected seconds above 0, got {seconds:g}", field=name)


class ShotStage:
    """See `vn.annotate.stage.Stage`.

    Args:
        settings: how shots are found.
        lengths: how long clips are.
        activity: when somebody speaks; called for videos with a shot that is too long. None: such shots are split
            evenly.
    """

    name = "shots"
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def __init__(self, settings: ShotSettings, lengths: ClipLengths, activity: Activity | None = None) -> None:
        self.settings = settings
        self.lengths = lengths
        self.activity = activity
        found = settings.to_dict()
        pauses = "" if activity is None else " pauses"
        self.key = (
            f"{VERSION} {found['detector']} {found['threshold']:g} {lengths.shortest:g} {lengths.longest:g}{pauses}"
        )

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """Cut one video."""
        followed = _Frames(video.file, video.id, self.lengths.video)
        followed.check(VideoReader(video.file, video.id).duration)
        clips = find_shots(
            video.file,
            self.lengths.shortest,
            findings,
            sample=video.id,
            settings=self.settings,
            follow=followed.add,
        )
        long = [clip for clip in clips if clip[1] - clip[0] > self.lengths.longest]
        if long:
            voice = self.activity(video.file) if self.activity is not None else ()
            clips = split_long(clips, voice, followed.times, self.lengths.longest, self.lengths.shortest)
        start, end = clips[0][0], clips[-1][1]
        shots = Shots(end, tuple(clips), followed.hashes.hashes(start, end))
        return Made(shots.to_json(), counts={"shots": len(clips), **({"long shots split": len(long)} if long else {})})

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """Nothing: videos are cut one by one."""

    def report(self) -> dict[str, float]:
        """Nothing beside the seconds that are measured for every stage."""
        return {}


@dataclass(slots=True)
class _Frames:
    """What is noted of each frame while shots are found: times, and some hashes."""

    file: Path
    sample: str
    longest: float
    times: array[float] = field(default_factory=lambda: array("d"))
    hashes: FrameHashes = field(default_factory=FrameHashes)

    def add(self, time: float, frame: VideoFrame, small: np.ndarray) -> None:
        self.check(time)
        self.times.append(time)
        if self.hashes.wants(time):
            self.hashes.add(time, upright(frame, small))

    def check(self, seconds: float | None) -> None:
        """Raise if the video is too long; its header may not have a duration, or a wrong one."""
        if seconds is not None and seconds > self.longest:
            message = f"has at least {seconds:.0f} s, more than --longest-video {self.longest:g}"
            raise InputError(message, file=self.file, sample=self.sample)
