"""The sound that speech is found in: one channel at 16 kHz, a second at a time, on a player's clock.

Hours of sound are decoded twice rather than kept: once for the voice activity, once for the recogniser.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from vn.render.original import OriginalSound

RATE = 16_000  # samples per second


class SpeechSound:
    """The first audio track of a video.

    Args:
        file: the video.

    Raises:
        InputError: the file cannot be read.

    Attributes:
        exists: whether there is a track that can be decoded.
        damaged: whether something could not be decoded, after `blocks` was read.
        seconds: how long it is, after `blocks` was read.
    """

    def __init__(self, file: Path) -> None:
        self._sound = OriginalSound(file, RATE, channels=1)
        self.exists = self._sound.exists
        self.seconds = 0.0

    @property
    def damaged(self) -> bool:
        """Whether something could not be decoded."""
        return self._sound.damaged

    def blocks(self) -> Iterator[np.ndarray]:
        """All of it from 0 s on.

        Yields:
            ``[n]`` float32, a second each; the last one may be shorter.
        """
        self.seconds = 0.0
        for block in self._sound.blocks():
            self.seconds += block.shape[1] / RATE
            yield np.nan_to_num(block[0], copy=False, posinf=0.0, neginf=0.0)

    def pieces(self, spans: Sequence[tuple[float, float]]) -> Iterator[np.ndarray]:
        """The sound of some spans of time.

        Args:
            spans: start and end of each in seconds, in order, without overlaps.

        Yields:
            ``[n]`` float32 for each span; shorter where the sound ends.
        """
        blocks = self.blocks()
        held = np.zeros(0, np.float32)
        begin = 0  # number of the first held sample
        for start, end in spans:
            first, last = round(start * RATE), round(end * RATE)
            parts = [held]
            at = begin + len(held)
            while at < last and (block := next(blocks, None)) is not None:
                if at + len(block) > first:
                    parts.append(block)
                else:
                    parts = [block[:0]]
                at += len(block)
            joined = np.concatenate(parts)
            begin = at - len(joined)
            yield joined[max(0, first - begin) : max(0, last - begin)]
            held = joined[max(0, last - begin) :]
            begin = at - len(held)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples in 16 bits; what is beyond full scale is cut off."""
    whole: np.ndarray = np.round(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
    return whole
