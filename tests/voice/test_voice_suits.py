"""Whether a voice speaks a language, and how fast: measured, kept, and not taken from a damaged file."""

import json
import shutil

import numpy as np
import pytest
from bursts import burst
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import InputError
from vn.story import count_words
from vn.voice.kept import KeptVoice
from vn.voice.measured import Measured
from vn.voice.names import open_voice
from vn.voice.pace import Pace, _rising, measure, pace_of
from vn.voice.sentences import SENTENCES
from vn.voice.speech import Speech
from vn.voice.suits import check_suits

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


class Even:
    """Takes the same time for every unit; its real speed is a function of the one that is asked for."""

    def __init__(self, seconds, speeds=(0.5, 2.0), real=lambda speed: speed, name="even"):
        self.name = self.fingerprint = f"{name} {seconds}"
        self.seconds, self.speeds, self.real, self.spoken = seconds, speeds, real, 0

    def speak(self, text, language, speed=1.0):
        self.spoken += 1
        sound = burst(self.seconds * count_words(text, language) / self.real(speed))
        pause = np.zeros(1600, np.float32)
        return Speech(np.concatenate([pause, sound, pause]), 16000)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sentences_are_ten_different_ones_of_one_language(language):
    sentences = SENTENCES[language]
    assert len(set(sentences)) == 10
    assert all((character > "⺀") == (language == "zh") for s in sentences for character in s if character.isalpha())


@pytest.mark.parametrize(
    ("language", "seconds", "fits"),
    [
        ("en", 0.1, False),
        ("en", 0.3, True),
        ("en", 0.9, False),
        ("zh", 0.1, False),
        ("zh", 0.2, True),
        ("zh", 0.6, False),
    ],
)
def test_by_time(tmp_path, language, seconds, fits):
    voice = Even(seconds)
    for _ in range(2):
        if fits:
            check_suits(voice, language, folder=tmp_path)
            continue
        unit = {"en": "word", "zh": "character"}[language]
        with pytest.raises(InputError, match=rf"takes {seconds:.1f}\d s per {unit}.*--force-voice"):
            check_suits(voice, language, folder=tmp_path)
        check_suits(voice, language, force=True, folder=tmp_path)
    assert voice.spoken == 1  # kept


def test_by_silence(tmp_path):
    class Silent(Even):
        def speak(self, text, language, speed=1.0):
            raise InputError("it returned 2.0 s of silence")

    with pytest.raises(InputError, match=r"does not speak Chinese: a built-in sentence is silent .*2\.0 s of silence"):
        check_suits(Silent(0.3), "zh", folder=tmp_path)


def test_a_voice_that_fails_is_not_kept_as_one_that_cannot(tmp_path):
    class Failing(Even):
        def speak(self, text, language, speed=1.0):
            raise InputError("the endpoint cannot be reached")

    with pytest.raises(InputError, match="the endpoint cannot be reached"):
        check_suits(Failing(0.3), "zh", folder=tmp_path)
    check_suits(Even(0.3), "zh", folder=tmp_path)


@needs_espeak
def test_espeak_by_its_phonemes_and_by_its_time(tmp_path):
    check_suits(KeptVoice(open_voice("espeak-ng"), tmp_path), "en", folder=tmp_path)
    with pytest.raises(InputError, match=r"espeak-ng:en does not speak Chinese: .* takes 0\.6\d s per character"):
        check_suits(open_voice("espeak-ng:en"), "zh", folder=tmp_path)
    with pytest.raises(InputError, match=r"espeak-ng:ru does not speak English: it reads 100% .*\(en\); 10% may be"):
        check_suits(open_voice("espeak-ng:ru"), "en", folder=tmp_path)
    engine = open_voice("espeak-ng").voice
    if engine.foreign(SENTENCES["zh"][1], "zh")[0] > 0.1:  # 1.51; later ones read Chinese
        with pytest.raises(InputError, match=r"it reads \d+% of a built-in sentence as another language \(en\)"):
            check_suits(KeptVoice(open_voice("espeak-ng"), tmp_path), "zh", folder=tmp_path)


def test_the_pace_of_an_even_voice():
    pace = measure(Even(0.25), "en")
    assert pace.units_per_second == pytest.approx(4, rel=0.05)
    assert pace.low <= pace.units_per_second <= pace.high
    for asked, got in pace.curve:
        assert got == pytest.approx(asked, rel=0.05)
    assert [asked for asked, _ in pace.curve] == [0.7, 0.85, 1.0, 1.1, 1.25, 1.5]


@pytest.mark.parametrize("bent", [0.5, 1.0, 1.6])
def test_what_is_asked_gives_the_speed_that_is_wanted(bent):
    voice = Even(0.25, real=lambda speed: speed**bent)
    pace = measure(voice, "en")
    for wanted in (0.9, 1.0, 1.05, 1.1, pace.fastest):
        assert voice.real(pace.asked_for(wanted)) == pytest.approx(wanted, rel=0.03)
    assert pace.asked_for(9.0) == 1.5  # no more than was measured


def test_a_voice_of_one_speed():
    pace = measure(Even(0.25, speeds=(1.0, 1.0)), "en")
    assert pace.curve == ((1.0, 1.0),)
    assert (pace.asked_for(1.1), pace.fastest) == (1.0, 1.0)
    few = measure(Even(0.25, speeds=(0.95, 1.2)), "en")
    assert [asked for asked, _ in few.curve] == [0.95, 1.0, 1.1, 1.2]


@given(st.lists(st.floats(0.3, 3), min_size=6, max_size=6))
def test_a_curve_never_falls_however_it_was_measured(measured):
    asked = (0.7, 0.85, 1.0, 1.1, 1.25, 1.5)
    curve = _rising([(a, 1.0 if a == 1 else got) for a, got in zip(asked, measured, strict=True)])
    got = [speed for _, speed in curve]
    assert got == sorted(got)
    assert (1.0, 1.0) in curve
    pace = Pace(3.0, 2.0, 4.0, curve)
    wanted = np.linspace(0.2, 4, 40)
    answers = [pace.asked_for(speed) for speed in wanted]
    assert answers == sorted(answers)
    assert min(answers) >= 0.7
    assert max(answers) <= 1.5


def test_a_pace_is_measured_once_and_again_if_its_file_is_damaged(tmp_path):
    voice = Even(0.25)
    pace = pace_of(voice, "en", tmp_path)
    count = voice.spoken
    assert pace_of(voice, "en", tmp_path) == pace
    assert voice.spoken == count
    file = Measured("pace", voice, "en", tmp_path).file
    whole = json.loads(file.read_text())
    for broken in (
        "",
        "[]",
        "{}",
        json.dumps(whole | {"curve": []}),
        json.dumps(whole | {"low": "x"}),
        '{"curve": [[1]]}',
    ):
        file.write_text(broken)
        assert pace_of(voice, "en", tmp_path) == pace
    file.write_text(json.dumps(whole | {"units_per_second": float("nan")}))
    assert pace_of(voice, "en", tmp_path) == pace
    assert voice.spoken == count * 8
    assert pace_of(Even(0.5), "en", tmp_path).units_per_second == pytest.approx(2, rel=0.05)
