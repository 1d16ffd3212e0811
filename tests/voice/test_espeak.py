"""The real espeak-ng; without it these skip."""

import shutil
import time

import pytest

from vn.errors import InputError
from vn.voice.names import open_voice
from vn.voice.settings import VoiceSettings
from vn.voice.sound import trim

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def test_it_speaks_and_the_same_again():
    voice = open_voice("espeak-ng")
    first, second = (voice.speak("Cold tea again?", "en") for _ in range(2))
    assert 0.5 < trim(first).seconds < 2
    assert first.samples.tolist() == second.samples.tolist()
    assert voice.fingerprint.startswith("espeak-ng ")
    assert voice.fingerprint != open_voice("espeak-ng:en-us").fingerprint


def test_a_faster_speed_takes_less_time():
    voice = open_voice("espeak-ng")
    seconds = [trim(voice.speak("This kettle keeps tea hot for hours.", "en", x)).seconds for x in (0.5, 1, 2)]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] > 1.5 * seconds[1]


def test_nothing_in_a_text_is_a_command():
    """Brackets that it would read as phonemes, tags, and words that look like options."""
    voice = open_voice("espeak-ng")
    plain = voice.speak("abc", "en").seconds
    assert voice.speak("[[h@l'oU]]", "en").seconds != pytest.approx(voice.speak("hello", "en").seconds, rel=0.05)
    assert voice.speak("<b>abc</b>", "en").seconds > plain
    assert voice.speak("-w /tmp/x.wav --version", "en").seconds > plain


@pytest.mark.parametrize("name", ["-w", "../x", "en us", "en;ls", "--voices"])
def test_a_name_that_cannot_be_a_voice_is_refused(name):
    with pytest.raises(InputError, match="expected the name of a voice"):
        open_voice(f"espeak-ng:{name}")


def test_a_voice_that_it_does_not_have():
    with pytest.raises(InputError, match=r"failed .exit code 1.: Error: The specified espeak-ng voice does not exist"):
        open_voice("espeak-ng:nope").speak("Hello", "en")


def test_without_the_program_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="espeak-ng cannot be started: espeak-ng: No such file"):
        open_voice("espeak-ng")


def test_the_share_of_another_language():
    engine = open_voice("espeak-ng").voice
    assert engine.foreign("This kettle keeps tea hot.", "en") == (0.0, "")
    russian = open_voice("espeak-ng:ru").voice
    share, other = russian.foreign("Чайник kettle", "en")
    assert 0.2 < share < 0.8
    assert other == "en"
    assert russian.foreign("Чайник", "en")[0] == 0


def test_a_text_of_a_minute_is_whole():
    text = " ".join(["Cold tea again?"] * 40)
    began = time.monotonic()
    assert open_voice("espeak-ng", settings=VoiceSettings(timeout=100)).speak(text, "en").seconds > 30
    assert time.monotonic() - began < 100
