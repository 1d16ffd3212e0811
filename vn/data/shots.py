"""Shots: where a video without annotated clips is cut (PySceneDetect)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from scenedetect import AdaptiveDetector, FrameTimecode

from vn.data.video import VideoReader
from vn.errors import Findings

WIDTH = 256  # pixels; larger pictures are scaled down to it, since cuts show as well and sooner


def find_shots(
    path: str | Path, minimum: float = 1.0, findings: Findings | None = None, sample: str | None = None
) -> list[tuple[float, float]]:
    """Cut a video into shots.

    A cut is where a picture differs from the one before it much more than its neighbours do, so that fast camera
    motion is no cut. Shots lie between the time stamps of frames, rounded to milliseconds.

    Args:
        path: the video.
        minimum: seconds; a shorter shot is joined to the one before it (the first one to the next).
        findings: told when the file is damaged.
        sample: the story's id, for messages.

    Returns:
        Start and end of each shot in seconds: without gaps, from 0 to the end of the video, at least one.

    Raises:
        InputError: the video is missing or cannot be read.
    """
    reader = VideoReader(path, sample)
    # The rolling comparison alone; too short shots are joined below, where none is lost.
    detector = AdaptiveDetector(min_scene_len=1)
    times: list[float] = []
    cuts: list[float] = []
    timecode = FrameTimecode(0, reader.fps)
    for time, frame in reader.frames():
        # The detector sees frame numbers, so that frame rates that vary do not matter to it.
        timecode = FrameTimecode(len(times), reader.fps)
        times.append(time)
        width = min(WIDTH, frame.width)
        picture = frame.to_ndarray(format="bgr24", width=width, height=max(2, frame.height * width // frame.width))
        cuts += [times[cut.frame_num] for cut in detector.process_frame(timecode, picture)]
    cuts += [times[cut.frame_num] for cut in detector.post_process(timecode)]
    if findings is not None and reader.damage:
        findings.add(reader.damage, file=path, sample=sample)
    return join_short(sorted(set(cuts)), reader.end, minimum)


def join_short(cuts: list[float], end: float, minimum: float) -> list[tuple[float, float]]:
    """Shots between `cuts`, none shorter than `minimum` unless the whole video is.

    Args:
        cuts: in seconds, ascending.
        end: of the video.
        minimum: seconds.
    """
    borders = [0.0]
    for cut in cuts:
        if cut - borders[-1] >= minimum and end - cut >= minimum:
            borders.append(cut)
    return list(pairwise([round(border, 3) for border in (*borders, end)]))
