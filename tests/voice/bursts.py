"""A synthetic voice: each word is a burst of a tone, commas and full stops are pauses. Its words can be counted."""

from dataclasses import dataclass, field

import numpy as np

from vn.voice.sound import FADE
from vn.voice.speech import Speech

RATE = 16000
WORD = 0.25  # seconds
GAP = 0.05
PAUSE = 0.45


def burst(seconds: float, rate: int = RATE, pitch: float = 220.0, level: float = 0.5) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    edge = np.minimum(1, np.minimum(t, t[::-1]) / FADE)
    return (level * edge * np.sin(2 * np.pi * pitch * t)).astype(np.float32)


def silence(seconds: float, rate: int = RATE) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.float32)


@dataclass
class Bursts:
    """A voice whose real speed is `bent` by a power: asked for 1.2 it gives 1.2 ** bent."""

    name: str = "bursts"
    fingerprint: str = "bursts-1"
    speeds: tuple[float, float] = (0.5, 2.0)
    slow: float = 1.0
    bent: float = 0.5
    asked: list[tuple[str, float]] = field(default_factory=list)

    def speak(self, text, language, speed=1.0):
        self.asked.append((text, speed))
        length = self.slow / speed**self.bent
        parts = [silence(0.3)]
        for word in text.split() if language == "en" else list(text):
            parts += [burst(WORD * length), silence((PAUSE if word[-1] in ".,。，" else GAP) * length)]
        return Speech(np.concatenate([*parts, silence(0.3)]), RATE)


def word_count(speech: Speech) -> int:
    """Number of bursts: stretches that are not silent for 10 ms."""
    size = speech.rate // 100
    parts = speech.samples[: len(speech.samples) // size * size].reshape(-1, size)
    loud = np.concatenate([[False], np.abs(parts).max(axis=1) > 0.02, [False]])
    return int(np.count_nonzero(np.diff(loud.astype(int)) == 1))
