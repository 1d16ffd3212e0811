"""The voice over the video's own sound, which is lowered under it.

The voice is placed to the sample. What it is lowered by is drawn from when the voice speaks, which is known, rather
than from how loud it is from moment to moment, as a side-chain compressor does: that swells up between words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from vn.render.loudness import TARGET, Loudness
from vn.render.original import BLOCK, RATE, OriginalSound
from vn.voice.sound import resample
from vn.voice.wav import read_wav

UNDER = 15.0  # LU by which the original is below the voice while that speaks
DOWN = 0.2  # seconds in which it is lowered, before the voice starts
UP = 0.5  # seconds in which it comes back
HOLD = 1.2  # seconds: in a shorter pause between two voices it stays lowered


@dataclass(frozen=True, slots=True)
class Placed:
    """A spoken narration and when it is played.

    Attributes:
        file: its WAV file.
        start: when it starts, in seconds on a player's clock.
        seconds: how long it is.
    """

    file: Path
    start: float
    seconds: float

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.start + self.seconds


@dataclass(frozen=True, slots=True)
class Levels:
    """Factors that samples are multiplied by.

    Attributes:
        voice: for the voice.
        original: for the video's own sound while nobody speaks.
        under: for the video's own sound under the voice.
    """

    voice: float
    original: float
    under: float


def levels(voice: Loudness | None, original: Loudness | None, volume: float) -> Levels:
    """How loud voice and original are to be.

    The voice is brought to `TARGET`. The original is never raised; with a voice it is lowered to be no louder than
    that, and `UNDER` below it while it speaks.

    Args:
        voice: loudness of all voices; None without a voice.
        original: loudness of the original; None if there is none.
        volume: the volume that is asked for.
    """
    up = 1.0 if voice is None or voice.silent else _factor(TARGET - voice.integrated)
    if original is None or original.silent or voice is None:
        return Levels(up, volume, volume)
    loud = volume * min(1.0, _factor(TARGET - original.integrated))
    return Levels(up, loud, min(loud, _factor(TARGET - UNDER - original.integrated)))


class Mix:
    """Voice and original together.

    Args:
        original: the video's own sound; None to leave it out.
        voices: what is spoken, in the order of time.
        levels: how loud each is.
        samples: length of the whole.
    """

    def __init__(self, original: OriginalSound | None, voices: Sequence[Placed], levels: Levels, samples: int) -> None:
        self._original = original
        self._voices = voices
        self._levels = levels
        self.samples = samples
        self._times, self._lowered = curve(voices)

    def blocks(self) -> Iterator[np.ndarray]:
        """The sum, ``[2, n]`` float32, in blocks of `BLOCK`; the last one may be shorter."""
        original = self._original.blocks() if self._original is not None else iter(())
        open_: dict[Path, np.ndarray] = {}  # voices that this block has, resampled
        for first in range(0, self.samples, BLOCK):
            count = min(BLOCK, self.samples - first)
            out = np.zeros((2, count), np.float32)
            own = next(original, None)
            if own is not None:
                own = own[:, :count]
                out[:, : own.shape[1]] = own * self._gain(first, own.shape[1])
            for voice in self._voices:
                start = round(voice.start * RATE)
                if start >= first + count or round(voice.end * RATE) + 1 <= first:
                    open_.pop(voice.file, None)
                    continue
                if voice.file not in open_:
                    open_[voice.file] = resample(read_wav(voice.file), RATE).samples
                samples = open_[voice.file]
                a, b = max(first, start), min(first + count, start + len(samples))
                if a < b:
                    out[:, a - first : b - first] += samples[a - start : b - start] * self._levels.voice
            yield out

    def _gain(self, first: int, count: int) -> np.ndarray | float:
        """The original's factor for each of some samples."""
        levels = self._levels
        if levels.original == levels.under or not len(self._times):
            return levels.original
        a, b = np.searchsorted(self._times, [first / RATE, (first + count) / RATE])
        if a == b and a in (0, len(self._times)):
            return levels.original
        down = np.interp(np.arange(first, first + count) / RATE, self._times, self._lowered)
        return np.asarray(levels.original + (levels.under - levels.original) * down, np.float32)


def curve(voices: Sequence[Placed]) -> tuple[np.ndarray, np.ndarray]:
    """When the original is lowered, and how far: 0 not at all, 1 as far as it is under the voice.

    Returns:
        Times in seconds, rising, and values at these; in between it is a straight line.
    """
    spans: list[list[float]] = []
    for start, end in sorted((voice.start, voice.end) for voice in voices):
        if spans and start - spans[-1][1] < HOLD:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    assert all(b[0] - a[1] >= DOWN + UP for a, b in pairwise(spans))
    times = [t for start, end in spans for t in (start - DOWN, start, end, end + UP)]
    return np.array(times), np.array([0.0, 1.0, 1.0, 0.0] * len(spans))


def _factor(decibels: float) -> float:
    return float(10 ** (decibels / 20))
