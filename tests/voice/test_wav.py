import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vn.errors import InputError
from vn.voice.speech import Speech
from vn.voice.wav import parse_wav, read_wav, wav_bytes, write_wav

SAMPLES = arrays.arrays(np.float32, st.integers(0, 200), elements=st.floats(-1, 1, width=32))


def pcm(width: int = 2, channels: int = 1, rate: int = 16000, data: bytes = b"\1\0\2\0\3\0\4\0") -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(data)
    return out.getvalue()


@given(SAMPLES, st.sampled_from([8000, 22050, 48000]))
def test_what_is_written_is_read(samples, rate):
    there = parse_wav(wav_bytes(Speech(samples, rate)))
    assert there.rate == rate
    assert there.samples.dtype == np.float32
    assert np.abs(there.samples - samples).max(initial=0) <= 1 / 32768
    assert wav_bytes(there) == wav_bytes(Speech(samples, rate))  # written again, nothing changes


def test_a_file_is_written_and_read(tmp_path):
    file = tmp_path / "voice.wav"
    write_wav(file, Speech(np.array([0.5, -0.5, 2.0, -2.0], np.float32), 16000))
    assert read_wav(file).samples.tolist() == pytest.approx([0.5, -0.5, 32767 / 32768, -1.0])
    assert [path.name for path in tmp_path.iterdir()] == ["voice.wav"]


def test_two_channels_are_mixed():
    samples = parse_wav(pcm(channels=2, data=struct.pack("<4h", 1000, 3000, -8000, 0))).samples
    assert samples * 32768 == pytest.approx([2000, -4000])


@pytest.mark.parametrize(
    ("kind", "bits", "data"),
    [
        (1, 8, bytes([192, 0])),
        (1, 24, b"\0\0\x40\0\0\x80"),
        (1, 32, struct.pack("<2i", 1 << 30, -1 << 31)),
        (3, 32, struct.pack("<2f", 0.5, -1)),
        (3, 64, struct.pack("<2d", 0.5, -1)),
    ],
)
@pytest.mark.parametrize("extensible", [False, True])
def test_every_width_is_the_same_sound(kind, bits, data, extensible):
    """The same two samples in every format that is read, behind a chunk of an odd size."""
    block = bits // 8
    head = struct.pack("<HHIIHH", 0xFFFE if extensible else kind, 1, 24000, 24000 * block, block, bits)
    if extensible:
        head += struct.pack("<HHIH14x", 22, bits, 4, kind)
    body = b"note\3\0\0\0abc\0" + b"fmt " + struct.pack("<I", len(head)) + head + b"data"
    body += struct.pack("<I", len(data)) + data
    speech = parse_wav(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    assert speech.samples.tolist() == [0.5, -1]
    assert speech.rate == 24000


def test_a_header_from_a_pipe_does_not_know_the_length():
    data = bytearray(pcm())
    data[4:8] = data[40:44] = struct.pack("<I", 0x7FFFF000)  # as espeak-ng --stdout writes it
    assert len(parse_wav(bytes(data)).samples) == 4
    data[4:8] = data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    assert len(parse_wav(bytes(data)).samples) == 4


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty, not a WAV file"),
        (b"\x80\x04\x95pickle", "is not a WAV file"),
        (b"RIFF\4\0\0\0WAVE", "is not a WAV file: it ends too soon"),
        (pcm()[:30], "is not a WAV file: it ends too soon"),
        (pcm()[:20] + b"\3\0" + pcm()[22:], "has 16 bit samples of kind 3 in 1 channels"),  # floats have 32 or 64
        (pcm()[:20] + b"\x55\0" + pcm()[22:], "of kind 85"),  # MP3 in a WAV file
        (pcm()[:22] + b"\0\0" + pcm()[24:], "in 0 channels"),
        (pcm(rate=100), "has 100 samples per second; expected 4000 to 384000"),
        (pcm(data=bytes(2000))[:-100], "is cut short: it has 950 of 1000 samples"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(tmp_path, data, message):
    file = tmp_path / "voice.wav"
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"voice\.wav") as error:
        read_wav(file)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.wav.*cannot be read: No such file"):
        read_wav(tmp_path / "gone.wav")
