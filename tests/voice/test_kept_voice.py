"""What was spoken is kept: once per voice, text, language and speed; never a damaged file."""

import multiprocessing
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_disk import SmallDisk

from vn.voice.kept import KeptVoice
from vn.voice.speech import Speech
from vn.voice.wav import read_wav


@dataclass
class Counted:
    """A voice that counts what it speaks; another sound each time."""

    name: str = "counted"
    fingerprint: str = "counted 1"
    speeds: tuple = (0.5, 2.0)
    spoken: list = field(default_factory=list)

    def speak(self, text, language, speed=1.0):
        self.spoken.append((text, language, speed))
        rng = np.random.default_rng(len(self.spoken))
        return Speech(rng.uniform(-0.9, 0.9, 4000).astype(np.float32), 16000)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_same_is_spoken_once_and_anything_else_again(tmp_path):
    voice = Counted()
    kept = KeptVoice(voice, tmp_path)
    first = kept.speak("Hello", "en")
    assert kept.speak("Hello", "en", 1.0).samples.tolist() == first.samples.tolist()
    assert KeptVoice(Counted(), tmp_path).speak("Hello", "en").samples.tolist() == first.samples.tolist()
    assert len(voice.spoken) == 1
    others = [("Hello.", "en", 1.0), ("Hello", "zh", 1.0), ("Hello", "en", 1.1)]
    for other in others:
        kept.speak(*other)
    KeptVoice(Counted(fingerprint="counted 2"), tmp_path).speak("Hello", "en")
    assert voice.spoken[1:] == others
    assert len(files(tmp_path)) == 5
    assert read_wav(files(tmp_path)[0]).rate == 16000  # any player can read them


@settings(max_examples=30)
@given(st.data())
def test_a_damaged_file_is_spoken_again(tmp_path_factory, data):
    """Any byte changed, or cut at any place."""
    folder = tmp_path_factory.mktemp("kept")
    voice = Counted()
    kept = KeptVoice(voice, folder)
    kept.speak("Hello", "en")
    (file,) = files(folder)
    content = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[at:]
    file.write_bytes(content)
    kept.speak("Hello", "en")
    assert len(voice.spoken) == 2
    kept.speak("Hello", "en")
    assert len(voice.spoken) == 2


def test_a_full_disk_keeps_nothing_and_speaks(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("vn.voice.kept.logger.warning", lambda text, *values: shown.append(text % values))
    with SmallDisk(tmp_path / "disk", 16) as folder:
        (folder / "full").write_bytes(bytes(12 << 10))
        voice = Counted()
        kept = KeptVoice(voice, folder)
        for text in ("one", "two", "two"):
            assert len(kept.speak(text, "en").samples) == 4000
        assert len(voice.spoken) == 3
        assert not [path for path in files(folder) if path.name != "full"]
        assert len(shown) == 1
        assert "cannot be kept" in shown[0]
    with pytest.raises(FileNotFoundError):
        (folder / "full").stat()


def speak_many(folder, start):
    start.wait()
    kept = KeptVoice(Counted(), folder)
    for n in range(8):
        kept.speak(f"text {n}", "en")


def test_two_processes_may_keep_the_same(tmp_path):
    context = multiprocessing.get_context("fork")
    start = context.Event()
    processes = [context.Process(target=speak_many, args=(tmp_path, start)) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    assert len(files(tmp_path)) == 8
    silent = Counted()
    for n in range(8):
        KeptVoice(silent, tmp_path).speak(f"text {n}", "en")
    assert silent.spoken == []
