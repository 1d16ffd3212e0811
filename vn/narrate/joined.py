"""Video files one after another as one video, each in the size of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from PIL import Image

from vn.data.demo_mark import MARK, is_demo_video
from vn.data.video import VideoReader
from vn.errors import Findings
from vn.io.atomic import atomic_write
from vn.render.original import RATE, OriginalSound

BASE = Fraction(1, 90_000)
QUALITY = {"preset": "fast", "crf": "20"}


@dataclass(frozen=True, slots=True)
class Joined:
    """A video that was made of others.

    Attributes:
        starts: when each of them starts in it, in seconds, and when the last one ends.
        other_sizes: how many were scaled, with black bars where their shape is another.
        silent: how many have no sound, if another one has.
    """

    starts: tuple[float, ...]
    other_sizes: int
    silent: int


def join(files: Sequence[Path], out: Path, findings: Findings) -> Joined:
    """Encode videos one after another, upright, with their sound; one without is silent.

    Args:
        files: at least one.
        out: the MP4 file to write.
        findings: takes warnings: what is damaged, scaled or silent.

    Raises:
        InputError: one cannot be read.
    """
    sounds = [OriginalSound(file) for file in files]
    heard = any(sound.exists for sound in sounds)
    starts, scaled, at = [0.0], 0, 0
    with atomic_write(out) as target, av.open(target, "w", format="mp4") as container:
        if all(is_demo_video(file) for file in files):
            container.metadata["comment"] = MARK
        first = VideoReader(files[0])
        video = container.add_stream("libx264", rate=first.rate, options=QUALITY)
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = BASE
        audio = container.add_stream("aac", rate=RATE, layout="stereo") if heard else None
        size: tuple[int, int] | None = None
        last = -1
        for file, sound in zip(files, sounds, strict=True):
            reader = VideoReader(file)
            other = False
            for time, frame in reader.frames():
                rgb = reader.picture(frame)
                if size is None:
                    size = max(2, rgb.shape[1] // 2 * 2), max(2, rgb.shape[0] // 2 * 2)
                    video.width, video.height = size
                other = other or (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2) != size
                shown = VideoFrame.from_ndarray(_fitted(rgb, size), format="rgb24")
                shown.pts, shown.time_base = max(last + 1, round((starts[-1] + time) / BASE)), BASE
                last = shown.pts
                container.mux(video.encode(shown))
            end = starts[-1] + reader.end
            if reader.damage:
                findings.add(reader.damage, file=file)
            if audio is not None:
                count = round(end * RATE) - at
                for block in _exactly(sound.blocks(), count):
                    samples = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
                    samples.rate, samples.pts, samples.time_base = RATE, at, Fraction(1, RATE)
                    at += block.shape[1]
                    container.mux(audio.encode(samples))
                if not sound.exists:
                    findings.add("has no sound, and is silent among the others", file=file)
            if other:
                scaled += 1
                findings.add(f"is scaled to the first clip's {size and size[0]} x {size and size[1]}", file=file)
            starts.append(end)
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    return Joined(tuple(starts), scaled, sum(not sound.exists for sound in sounds) if heard else 0)


def _fitted(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A frame ``[h, w, 3]`` as large as fits into width and height, in the middle, black around it."""
    width, height = size
    if rgb.shape[:2] == (height, width):
        return rgb
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    inner = max(1, min(width, round(rgb.shape[1] * scale))), max(1, min(height, round(rgb.shape[0] * scale)))
    whole = np.zeros((height, width, 3), np.uint8)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    whole[top : top + inner[1], left : left + inner[0]] = np.asarray(
        Image.fromarray(rgb).resize(inner, Image.Resampling.BILINEAR)
    )
    return whole


def _exactly(blocks: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """Sound cut off, or silent at its end, so that it has a number of samples; blocks ``[2, n]`` float32."""
    for block in blocks:
        if count <= 0:
            return
        part = block[:, :count]
        count -= part.shape[1]
        yield part
    while count > 0:
        silence = np.zeros((2, min(count, RATE)), np.float32)
        count -= silence.shape[1]
        yield silence
