"""WAV files: 16 bit PCM, as every voice and editor reads and writes."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

from vn.errors import InputError
from vn.io.atomic import atomic_write
from vn.voice.speech import Speech

RATES = range(4000, 384_001)  # samples per second that a file may have
UNKNOWN = 0x7FFF0000  # a program that writes to a pipe does not know the length: its header has this or more
SCALE = 32768


def read_wav(file: Path) -> Speech:
    """Read a WAV file.

    Raises:
        InputError: it cannot be read, is cut short, or is not 16 bit PCM with one or two channels.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    return parse_wav(data, file)


def parse_wav(data: bytes, file: Path | None = None) -> Speech:
    """Read the content of a WAV file; two channels are mixed.

    Args:
        data: the content.
        file: the file that messages name.

    Raises:
        InputError: it is cut short, or is not 16 bit PCM with one or two channels.
    """
    try:
        with wave.open(io.BytesIO(data)) as sound:
            channels, width, rate, count = sound.getparams()[:4]
            content = sound.readframes(len(data))  # all there is: `count` may be wrong
    except (wave.Error, EOFError) as error:
        raise InputError(f"is not a WAV file of 16 bit PCM: {str(error) or 'it ends too soon'}", file=file) from None
    if width != 2 or channels not in (1, 2):
        message = f"has {8 * width} bit samples in {channels} channels; expected 16 bit PCM with one or two"
        raise InputError(message, file=file)
    if rate not in RATES:
        raise InputError(f"has {rate} samples per second; expected {RATES[0]} to {RATES[-1]}", file=file)
    there = len(content) // (width * channels)
    if there < count and count * width * channels < UNKNOWN:
        raise InputError(f"is cut short: it has {there} of {count} samples", file=file)
    samples = np.frombuffer(content[: there * width * channels], "<i2").reshape(-1, channels)
    return Speech((samples.mean(axis=1) / SCALE).astype(np.float32), rate)


def wav_bytes(speech: Speech) -> bytes:
    """The content of a WAV file with this speech; what is louder than full scale is clipped."""
    samples = np.clip(np.rint(speech.samples * SCALE), -SCALE, SCALE - 1).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, speech.rate, len(samples), "NONE", "not compressed"))
        sound.writeframes(samples.tobytes())
    return out.getvalue()


def write_wav(file: Path, speech: Speech) -> None:
    """Write a WAV file, whole or not at all.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_write(file, own=True) as out:
        out.write(wav_bytes(speech))
