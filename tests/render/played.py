"""Videos of every kind, made here; a voice of pips; and what a player plays of a rendered film."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from vn.story import Language, count_words
from vn.voice.speech import Speech

RATE = 48_000
PITCH = 600  # Hz, of the voice
TEXTS = ("One two three four.", "Five six seven.", "Eight nine.")
SIZE = (64, 48)
WORD = {"en": 0.25, "zh": 0.2}  # seconds


class Pips:
    """A voice whose words are pips of one pitch, so that their times can be found in any mix."""

    name = "pips"
    speeds = (1.0, 1.0)

    def __init__(self, rate: int = 22_050, volume: float = 0.3, fingerprint: str = "1") -> None:
        self.rate, self.volume, self.fingerprint = rate, volume, fingerprint
        self.spoken: list[str] = []

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        self.spoken.append(text)
        seconds = max(1, count_words(text, language)) * WORD[language]
        time = np.arange(round(seconds * self.rate)) / self.rate
        loud = np.where(time % WORD[language] < 0.8 * WORD[language], 1.0, 0.2)
        return Speech((self.volume * loud * np.sin(2 * np.pi * PITCH * time)).astype(np.float32), self.rate)


def make_video(
    path: Path,
    times: Sequence[float] = tuple(n / 10 for n in range(60)),
    codec: str = "libx264",
    size: tuple[int, int] = SIZE,
    sound: tuple[float, float] | None = None,
    **how: object,
) -> Path:
    """A video of grey frames, each brighter than the one before, and a hum.

    Args:
        path: the file.
        times: when each frame is shown, in seconds.
        codec: encoder of the frames.
        size: width and height.
        sound: when the hum starts and how long it is, in seconds; None for no sound.
        how: ``layout``, ``audio_codec``, ``audio_rate``, ``hum`` (its volume), ``rotation``, ``options``.
    """
    layout, rate = str(how.get("layout", "mono")), int(how.get("audio_rate", 44_100))  # type: ignore[call-overload]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=how.get("options", {}))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000) if codec != "mpeg4" else Fraction(1, 25)
        if how.get("rotation"):
            stream.set_display_rotation(how["rotation"])
        packets = []
        audio = None
        if sound is not None:
            audio = container.add_stream(how.get("audio_codec", "aac"), rate=rate, layout=layout)
        for n, time in enumerate(times):
            grey = np.full((size[1], size[0], 3), 40 + n * 2 % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = round(time / stream.codec_context.time_base), stream.codec_context.time_base
            packets += stream.encode(frame)
        packets += stream.encode()
        if audio is not None and sound is not None:
            packets += _hum(audio, sound, layout, rate, float(how.get("hum", 0.2)))  # type: ignore[arg-type]
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)
    return path


def _hum(stream: av.AudioStream, sound: tuple[float, float], layout: str, rate: int, volume: float) -> list[av.Packet]:
    start, seconds = sound
    wave = (volume * np.sin(2 * np.pi * 110 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    channels = av.AudioLayout(layout).nb_channels
    form = stream.codec_context.format.name
    packets = []
    for at in range(0, len(wave), 960):
        part = wave[at : at + 960]
        if form.startswith("s16"):
            part = (part * 32767).astype(np.int16)
        planes = np.repeat(part[None], channels, axis=0)
        values = planes if form.endswith("p") else planes.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(values), format=form, layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate) + at, Fraction(1, rate)
        packets += stream.encode(frame)
    return packets + stream.encode()


def write_story(
    folder: Path,
    video: Path,
    clips: Sequence[tuple[float, float]] = ((0, 2), (2, 4), (4, 6)),
    texts: Sequence[str | None] = TEXTS,
    language: Language = "en",
    **more: object,
) -> Path:
    """A ``story.json`` as users write it, without a narrator's record."""
    folder.mkdir(parents=True, exist_ok=True)
    spans = zip(clips, texts, strict=True)
    entries = [
        {"start": a, "end": b, **({} if text is None else {"narration": text}), "word_range": [1, 9]}
        for (a, b), text in spans
    ]
    story = {"id": "film", "title": "A film", "language": language, "clips": entries, "video": str(video)}
    (folder / "story.json").write_text(json.dumps({**story, "knowledge": [], **more}, ensure_ascii=False))
    return folder / "story.json"


def heard(film: Path) -> np.ndarray:
    """The sound of a film on a player's clock: ``[N]``, `RATE` per second."""
    with av.open(str(film)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout="stereo", rate=RATE)
        out = np.zeros(round((container.duration / av.time_base + 2) * RATE), np.float32)
        at = None
        for frame in container.decode(stream):
            at = round(frame.time * RATE) if at is None else at
            for made in resampler.resample(frame):
                samples = made.to_ndarray().mean(axis=0)
                out[at : at + len(samples)] = samples
                at += len(samples)
    return out[:at]


def level(sound: np.ndarray, pitch: float, start: float, end: float) -> float:
    """How loud a pitch is in a stretch of sound, in dB."""
    part = sound[round(start * RATE) : round(end * RATE)]
    wave = np.exp(-2j * np.pi * pitch * np.arange(len(part)) / RATE) * np.hanning(len(part))
    return float(20 * np.log10(max(abs((part * wave).sum()) / len(part), 1e-9)))


def onset(sound: np.ndarray, near: float) -> float:
    """When the voice starts, in seconds, within 0.3 s of a time."""
    first = max(0, round((near - 0.3) * RATE))
    part = sound[first : round((near + 0.4) * RATE)]
    size = RATE // PITCH * 4
    wave = part * np.exp(-2j * np.pi * PITCH * np.arange(len(part)) / RATE)
    strength = np.abs(np.convolve(wave, np.ones(size) / size, "valid"))
    return (first + int(np.argmax(strength > strength.max() / 2)) + size / 2) / RATE


def shown_at(film: Path) -> list[float]:
    """When each frame of a film is shown, in seconds."""
    from vn.data.video import VideoReader

    return [time for time, _ in VideoReader(film).frames()]
