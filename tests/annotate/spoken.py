"""Videos with speech, made in a test: espeak-ng speaks (another process), PyAV writes. And recognisers for tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from vn.annotate.speech.recogniser import Recognised, TimedWord
from vn.voice.names import open_voice
from vn.voice.sound import resample, trim

RATE = 16_000
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def speech(text: str, language: str = "en") -> np.ndarray:
    """A text as sound at 16 kHz, without silence around it."""
    return resample(trim(open_voice("espeak-ng").speak(text, language)), RATE).samples


def sound_of(parts: list[tuple[float, np.ndarray]], seconds: float) -> np.ndarray:
    """Silence with sounds that begin at some seconds."""
    out = np.zeros(round(seconds * RATE), np.float32)
    for start, samples in parts:
        at = round(start * RATE)
        out[at : at + len(samples)] += samples[: len(out) - at]
    return out


def music(seconds: float) -> np.ndarray:
    """Chords and a beat; nobody speaks."""
    t = np.arange(round(seconds * RATE)) / RATE
    chord = sum(np.sin(2 * np.pi * f * 2 ** (np.floor(t) % 4 / 12) * t) for f in (220.0, 277.2, 329.6, 440.0))
    beat = np.random.default_rng(0).normal(size=len(t)) * np.exp(-12 * (t % 0.5))
    return (0.08 * chord + 0.1 * beat).astype(np.float32)


def write_video(file: Path, sound: np.ndarray | None, seconds: float, first: float = 0.0) -> Path:
    """Write a grey video, whose frames begin at `first`, with sound from 0 s on."""
    with av.open(str(file), "w") as container:
        frames = container.add_stream("libx264", rate=10)
        frames.width = frames.height = 32
        frames.pix_fmt = "yuv420p"
        heard = None if sound is None else container.add_stream("aac", rate=RATE, layout="mono")
        for n in range(round(first * 10), round(seconds * 10)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), n % 250, np.uint8), format="rgb24")
            frame.pts = n
            container.mux(frames.encode(frame))
        container.mux(frames.encode())
        if heard is not None:
            for at in range(0, len(sound), 1024):
                block = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None, at : at + 1024]), "fltp", "mono")
                block.sample_rate, block.pts = RATE, at
                container.mux(heard.encode(block))
            container.mux(heard.encode())
    return file


class Script:
    """A `Recogniser` that knows what is spoken: the words whose times are within the sound it gets.

    Args:
        words: text, start, end on the video's clock.
        odds: the languages of a sound, from its samples.
        longest: seconds that it takes.
    """

    name, key = "script", "script 1"

    def __init__(self, words, odds=None, longest=600.0):
        self.words, self._odds, self.longest = words, odds, longest
        self.asked = []

    def recognise(self, samples, language, hints=""):
        self.asked.append((len(samples) / RATE, language, hints))
        return Recognised(tuple(TimedWord(*word) for word in self.words))

    def odds(self, samples):
        return None if self._odds is None else self._odds(samples)
