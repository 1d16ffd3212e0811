"""Video files one after another as one video, each in the size of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from vn.data.demo_mark import MARK, is_demo_video
from vn.data.video import VideoReader, turned
from vn.errors import Findings
from vn.io.atomic import atomic_write
from vn.render.original import RATE, OriginalSound

BASE = Fraction(1, 90_000)
# Without B-frames, since the MP4 format takes the length of a video with uneven frames from their decoding times.
QUALITY = {"preset": "fast", "crf": "20", "bf": "0"}
MOST_RATE = 60  # frames per second: a header may have any number


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
        rates = [VideoReader(file).rate for file in files]
        pictures = _Pictures(container, min(Fraction(MOST_RATE), max(rates)))
        audio = container.add_stream("aac", rate=RATE, layout="stereo") if heard else None
        for file, sound in zip(files, sounds, strict=True):
            reader = VideoReader(file)
            other = pictures.add(reader, starts[-1])
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
                width, height = pictures.size
                findings.add(f"is scaled to the first clip's {width} x {height}", file=file)
            starts.append(end)
        pictures.finish(starts[-1])
        if audio is not None:
            container.mux(audio.encode(None))
    return Joined(tuple(starts), scaled, sum(not sound.exists for sound in sounds) if heard else 0)


class _Pictures:
    """The frames of several videos as one stream; its size, and the shape of its pixels, are those of the first.

    Args:
        container: where the stream is added.
        rate: its nominal frames per second; the last frame takes as long as one of these.

    Attributes:
        size: width and height; zeros before the first frame.
    """

    def __init__(self, container: OutputContainer, rate: Fraction) -> None:
        self.size = (0, 0)
        self._container = container
        self._stream = container.add_stream("libx264", rate=rate, options=QUALITY)
        self._stream.pix_fmt = "yuv420p"
        context = self._stream.codec_context
        context.time_base = BASE
        context.colorspace, context.color_range = Colorspace.ITU601, ColorRange.MPEG
        self._step = round(1 / rate / BASE)
        self._pixel = Fraction(1)
        self._last = -1
        self._shown: np.ndarray | None = None

    def add(self, reader: VideoReader, start: float) -> bool:
        """Add the frames of a video that starts at a time in seconds; returns whether it has another size."""
        other = False
        for time, frame in reader.frames():
            rgb = reader.picture(frame)
            pixel = reader.pixel or Fraction(1)
            pixel = 1 / pixel if turned(frame) else pixel
            if self._shown is None:
                self.size = max(2, rgb.shape[1] // 2 * 2), max(2, rgb.shape[0] // 2 * 2)
                self._stream.width, self._stream.height = self.size
                self._stream.codec_context.sample_aspect_ratio = self._pixel = pixel
            wide = float(pixel / self._pixel)
            other = other or wide != 1 or (rgb.shape[1] // 2 * 2, rgb.shape[0] // 2 * 2) != self.size
            self._shown = _fitted(rgb, self.size, wide)
            self._encode(max(self._last + 1, round((start + time) / BASE)))
        return other

    def finish(self, end: float) -> None:
        """Show the last frame until a time in seconds, and write what the encoder still has."""
        if (before := round(end / BASE) - self._step) > self._last:
            self._encode(before)
        self._container.mux(self._stream.encode(None))

    def _encode(self, stamp: int) -> None:
        assert self._shown is not None, "a video has at least one frame"
        made = VideoFrame.from_ndarray(self._shown, format="rgb24")
        made = made.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG)
        made.pts, made.time_base = stamp, BASE
        self._last = stamp
        self._container.mux(self._stream.encode(made))


def _fitted(rgb: np.ndarray, size: tuple[int, int], wide: float) -> np.ndarray:
    """A frame ``[h, w, 3]`` as large as fits into a size, in the middle, black around it.

    Args:
        rgb: the frame.
        size: width and height.
        wide: how wide its pixels are, relative to those of the result.
    """
    width, height = size
    if rgb.shape[:2] == (height, width) and wide == 1:
        return rgb
    scale = min(width / (rgb.shape[1] * wide), height / rgb.shape[0])
    inner = (
        max(1, min(width, round(rgb.shape[1] * wide * scale))),
        max(1, min(height, round(rgb.shape[0] * scale))),
    )
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
