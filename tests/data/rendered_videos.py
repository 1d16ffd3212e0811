"""Tiny videos, rendered on the fly; each frame shows its number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

LEVELS = np.array([16, 90, 165, 239])  # four greys that survive any codec


def numbered(number: int, width: int, height: int) -> np.ndarray:
    """A picture of four grey columns that spell a number from 0 to 255."""
    digits = [(number // 4**place) % 4 for place in range(4)]
    columns = np.repeat(LEVELS[digits], -(-width // 4))[:width]
    return np.broadcast_to(columns[None, :, None], (height, width, 3)).astype(np.uint8)


def number_of(picture: np.ndarray) -> int:
    """The number that a picture from `numbered` spells."""
    width = picture.shape[1]
    values = [picture[:, int((place + 0.5) * width / 4)].mean() for place in range(4)]
    return sum(int(np.abs(LEVELS - value).argmin()) * 4**place for place, value in enumerate(values))


def render_video(
    path: Path,
    pictures: Sequence[np.ndarray],
    fps: int = 10,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    rotation: int = 0,
    mirrored: bool = False,
    audio: float = 0.0,
    options: dict[str, str] | None = None,
    x264: str = "",
) -> Path:
    """Write pictures as a video; `times` in seconds make the frame rate vary, `audio` adds seconds of silence."""
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if codec == "libx264":
            stream.options = {"preset": "ultrafast", "crf": "12", "g": "8", "x264-params": x264}
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        sound = container.add_stream("aac", rate=16000) if audio else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            time = number / fps if times is None else times[number]
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound is not None:
            for start in range(0, int(audio * 16000), 1024):
                frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 16000, start
                container.mux(sound.encode(frame))
            container.mux(sound.encode())
    return path


def counting_video(path: Path, frames: int, fps: int = 10, width: int = 64, height: int = 48, **how) -> Path:
    """A video whose frames spell 0, 1, 2, ..."""
    return render_video(path, [numbered(n, width, height) for n in range(frames)], fps, **how)
