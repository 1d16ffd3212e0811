"""Small videos of scenes with structure, rendered in the tests, with sound if asked for."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

RATE = 16000


def scene(seed: int, size: tuple[int, int] = (96, 64)) -> np.ndarray:
    """A frame ``[height, width, 3]`` uint8 of soft blobs, the same for a seed at any size."""
    blobs = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return np.clip(cv2.resize(blobs, size, interpolation=cv2.INTER_CUBIC), 0, 255)


def render_scenes(
    path: Path,
    scenes: Sequence[tuple[int, float]],
    size: tuple[int, int] = (96, 64),
    fps: int | Fraction = 10,
    codec: str = "libx264",
    quality: str = "20",
    tones: Sequence[tuple[float, float]] | None = None,
) -> Path:
    """Write a video.

    Args:
        path: where to.
        scenes: seed and seconds of each.
        size: width and height.
        fps: frames per second.
        codec: of the frames.
        quality: x264's crf.
        tones: when a tone sounds, in seconds; None: the video has no sound.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "crf": quality}
        sound = container.add_stream("aac", rate=RATE) if tones is not None else None
        number = 0
        for seed, seconds in scenes:
            picture = scene(seed, size)
            for _ in range(round(seconds * fps)):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, fps)
                container.mux(stream.encode(frame))
                number += 1
        container.mux(stream.encode())
        if sound is not None:
            times = np.arange(round(number / fps * RATE)) / RATE
            wave = 0.3 * np.sin(2 * np.pi * 220 * times)
            wave *= np.any([(times >= start) & (times < end) for start, end in tones or [(0, 0)]], axis=0)
            for start in range(0, len(wave), 1024):
                block = wave[None, start : start + 1024].astype(np.float32)
                audio = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="mono")
                audio.sample_rate, audio.pts = RATE, start
                container.mux(sound.encode(audio))
            container.mux(sound.encode())
    return path
