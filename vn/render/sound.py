"""The sound of the film: levels, the mix, and the two passes that bring it to one loudness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vn.errors import Findings
from vn.render.loudness import TARGET, Limiter, Loudness, Meter, measure
from vn.render.mix import Mix, Placed, levels
from vn.render.original import BLOCK, RATE, OriginalSound
from vn.voice.sound import resample
from vn.voice.wav import read_wav

CLOSE = 0.3  # LU by which the loudness may miss its target before it is measured once more
PASSES = 3  # at most, of measuring
MOST = 12.0  # dB by which a video without a voice is raised at most: noise is not to become loud
LONGER = 1.0  # seconds by which the sound may be longer than the video before it is worth a warning


class Sound:
    """The sound of one film.

    Args:
        video: the video.
        voices: what is spoken, in the order of time.
        volume: volume of the video's own sound.
        length: length of the video, in seconds.
        findings: collects the warnings.

    Attributes:
        exists: whether there is any sound; without, the film has no audio track.
        loudness: what `blocks` gave, after all was read; None before.
    """

    def __init__(self, video: Path, voices: Sequence[Placed], volume: float, length: float, findings: Findings) -> None:
        self.loudness: Loudness | None = None
        original = OriginalSound(video)
        own, samples = (None, 0)
        if original.exists:
            own, samples = measure(original.blocks())
            self._warn(original, samples, length, video, findings)
        self.exists = bool(voices) or samples > 0
        spoken = measure(_all(voices))[0] if voices else None
        ends = [length, *(voice.end for voice in voices)]
        whole = max(samples, *(round(end * RATE) for end in ends))
        used = original if samples and volume > 0 else None
        self._mix = Mix(used, voices, levels(spoken, own, volume), whole)
        self._gain = self._measured_gain(MOST if not voices else None) if self.exists else 0.0

    def blocks(self) -> Iterator[np.ndarray]:
        """The sound, ``[2, n]`` float32 at `RATE`; can be read several times."""
        meter = Meter()
        for block in Limiter(self._gain).run(self._mix.blocks()):
            meter.add(block)
            yield block
        self.loudness = meter.result()

    def _measured_gain(self, most: float | None) -> float:
        """The gain, in dB, that brings the mix to `TARGET`, by measuring it as the limiter leaves it."""
        gain = 0.0
        for _ in range(PASSES):
            found, _ = measure(Limiter(gain).run(self._mix.blocks()))
            missing = TARGET - found.integrated
            if found.silent or abs(missing) <= CLOSE:
                return gain
            gain += missing
            if most is not None and gain > most:
                return most
            if abs(missing) < 3.0:  # the limiter hardly does more or less than it did
                return gain
        return gain

    @staticmethod
    def _warn(original: OriginalSound, samples: int, length: float, video: Path, findings: Findings) -> None:
        if original.tracks > 1:
            findings.add(f"has {original.tracks} audio tracks; the first is used", file=video)
        if original.damaged:
            findings.add("its sound is damaged; what can be read is used", file=video)
        if samples > (length + LONGER) * RATE:
            findings.add(f"its sound goes on after the last frame, for {samples / RATE - length:.1f} s", file=video)


def _all(voices: Sequence[Placed]) -> Iterator[np.ndarray]:
    """All that is spoken, one after another."""
    for voice in voices:
        samples = resample(read_wav(voice.file), RATE).samples
        for first in range(0, len(samples), BLOCK):
            yield np.broadcast_to(samples[first : first + BLOCK], (2, len(samples[first : first + BLOCK])))
