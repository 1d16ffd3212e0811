"""WAV files: read strictly, whatever numbers they hold; written as 16 bit PCM, as every voice and editor reads them.

Python's ``wave`` reads neither floats nor the extensible header, which speech servers write; FFmpeg plays a file that
was cut short for what it has.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vn.errors import InputError
from vn.io.atomic import atomic_write
from vn.voice.speech import Speech

RATES = range(4000, 384_001)  # samples per second that a file may have
UNKNOWN = 0x7FFF0000  # a program that writes to a pipe does not know the length: its header has this or more
SCALE = 32768
LARGEST = 1 << 28  # bytes of a file; more than an hour of 16 bits at 24 kHz
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # kinds of samples
WIDTHS = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}  # bytes that a sample of each may have


def read_wav(file: Path) -> Speech:
    """Read a WAV file.

    Raises:
        InputError: it cannot be read, has more than `LARGEST` bytes, is cut short, or is not WAV.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file) from None
    if len(data) > LARGEST:
        raise InputError(f"has more than {LARGEST >> 20} MB, too much for a narration", file=file)
    return parse_wav(data, file)


def parse_wav(data: bytes, file: Path | None = None) -> Speech:
    """Read the content of a WAV file: integers of 8 to 32 bits or floats; several channels are mixed.

    Args:
        data: the content.
        file: the file that messages name.

    Raises:
        InputError: it is cut short, or is not WAV.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InputError("is not a WAV file" if data else "is empty, not a WAV file", file=file)
    chunks = {name: (size, content) for name, size, content in _chunks(data)}
    if len(chunks.get(b"fmt ", (0, b""))[1]) < 16 or b"data" not in chunks:
        raise InputError("is not a WAV file: it ends too soon", file=file)
    head = chunks[b"fmt "][1]
    kind, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", head)
    if kind == EXTENSIBLE and len(head) >= 26:
        (kind,) = struct.unpack_from("<H", head, 24)
    if bits // 8 not in WIDTHS.get(kind, ()) or not channels or block != channels * bits // 8:
        message = f"has {bits} bit samples of kind {kind} in {channels} channels; expected PCM or floats"
        raise InputError(message, file=file)
    if rate not in RATES:
        raise InputError(f"has {rate} samples per second; expected {RATES[0]} to {RATES[-1]}", file=file)
    size, content = chunks[b"data"]
    there = len(content) // block
    if len(content) < size < UNKNOWN:
        raise InputError(f"is cut short: it has {there} of {size // block} samples", file=file)
    samples = _numbers(content[: there * block], kind, bits // 8).reshape(-1, channels)
    return Speech(samples.mean(axis=1, dtype=np.float32), rate)


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


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The chunks up to the sound: name, size by its header, and what of it is there."""
    at, name = 12, b""
    while at + 8 <= len(data) and name != b"data":
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, size, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _numbers(content: bytes, kind: int, width: int) -> np.ndarray:
    """``[N]`` float32, -1 to 1, of samples with `width` bytes."""
    if kind == FLOAT:
        return np.frombuffer(content, f"<f{width}").astype(np.float32)
    if width == 1:
        return np.frombuffer(content, np.uint8).astype(np.float32) / 128 - 1
    if width == 3:  # as the upper bytes of a larger integer
        padded = np.pad(np.frombuffer(content, np.uint8).reshape(-1, 3), ((0, 0), (1, 0)))
        content, width = padded.tobytes(), 4
    return (np.frombuffer(content, f"<i{width}") / 2.0 ** (8 * width - 1)).astype(np.float32)
