"""The spoken narrations as files: ``voice/000.wav`` is that of the first clip, 16 bit, one channel."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np

from vn.io.atomic import atomic_write
from vn.voice.speech import Speech

FOLDER = "voice"


def wav_name(clip: int) -> str:
    """The path of a clip's file in the output folder."""
    return f"{FOLDER}/{clip:03}.wav"


def write_wav(file: Path, speech: Speech) -> None:
    """Write a file.

    Raises:
        InputError: it cannot be written.
    """
    samples = (np.clip(speech.samples, -1, 1) * 32767).round().astype("<i2")
    with atomic_write(file) as raw, wave.open(raw, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(speech.rate)
        out.writeframes(samples.tobytes())


def read_wav_at(file: Path, rate: int) -> np.ndarray:
    """Read a file of ours at another rate: ``[N]`` float32."""
    with wave.open(str(file), "rb") as source:
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2")
        own = source.getframerate()
    if own == rate:
        return samples.astype(np.float32) / 32767
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = own
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=rate)
    made = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([each.to_ndarray()[0] for each in made])
