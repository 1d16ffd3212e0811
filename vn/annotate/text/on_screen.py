"""Texts on a video's frames, for its knowledge: the frames at the middles of shots, each text once per video."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vn.annotate.results import OnScreen
from vn.annotate.stage import Before, Made, RawVideo
from vn.annotate.text.private import private
from vn.annotate.text.spelling import plain
from vn.data.screen_text import SMALL, ScreenText
from vn.data.video import VideoReader
from vn.errors import Findings
from vn.io.disk_cache import DiskCache

LONGEST_SIDE = 1280  # pixels; a small caption that is read at 720p was missed at 1080p
LEAST = 2  # letters, digits or characters of a text: less is a mark or a fault of the recogniser


class OnScreenStage:
    """See `vn.annotate.stage.Stage`.

    Args:
        cache: keeps the texts of each frame.

    Raises:
        InputError: RapidOCR is not installed.
    """

    name = "on_screen"
    needs: tuple[str, ...] = ("shots",)
    reads: tuple[str, ...] = ()

    def __init__(self, cache: DiskCache) -> None:
        self._reader = ScreenText(cache)
        self.key = f"{self._reader.id} {LONGEST_SIDE}"
        self._seconds, self._frames = 0.0, 0

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """See `Stage.make_all`: there is nothing to do."""

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """See `Stage.make`; texts with personal data are left out and counted."""
        middles = [(start + end) / 2 for start, end in before["shots"]["clips"]]
        begun = time.perf_counter()
        found: dict[str, str] = {}
        for frame in frames_at(video.file, middles, video.id):
            if frame.shape[0] < SMALL:
                message = f"text is read on frames {frame.shape[0]} pixels high, which is small"
                findings.add(message, sample=video.id, field="--on-screen-text")
            for text in self._reader.of(frame):
                if sum(character.isalnum() for character in text) >= LEAST:
                    found.setdefault(plain(text), text)
            self._frames += 1
        self._seconds += time.perf_counter() - begun
        texts = tuple(text for text in found.values() if not private(text))
        counts = {"on_screen_texts": float(len(texts)), "on_screen_private": float(len(found) - len(texts))}
        return Made(OnScreen(texts).to_json(), counts=counts)

    def report(self) -> dict[str, float]:
        """See `Stage.report`."""
        return {"on_screen_seconds": self._seconds, "on_screen_frames": float(self._frames)}


def frames_at(file: Path, times: Sequence[float], sample: str | None = None) -> Iterator[np.ndarray]:
    """The frames on screen at some times, ``[height, width, 3]`` uint8 RGB, scaled down to `LONGEST_SIDE`.

    Args:
        file: the video.
        times: in seconds, ascending.
        sample: the video's id, for messages.

    Raises:
        InputError: the video cannot be read.
    """
    reader = VideoReader(file, sample)
    left, shown = list(times), None
    for time_, frame in reader.frames():
        while left and shown is not None and time_ > left[0]:
            yield _scaled(reader.picture(shown))
            left.pop(0)
        if not left:
            return
        shown = frame
    if shown is not None:  # the video ends before the last of them
        for _ in left:
            yield _scaled(reader.picture(shown))


def _scaled(frame: np.ndarray) -> np.ndarray:
    """A frame with its longest side at most `LONGEST_SIDE`."""
    height, width = frame.shape[:2]
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return frame
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
