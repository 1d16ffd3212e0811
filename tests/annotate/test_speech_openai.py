"""A recogniser behind an endpoint: the real client against a server on this machine."""

import itertools

import numpy as np
import pytest
from spoken import RATE, needs_espeak, sound_of, speech, write_video
from transcription_server import TranscriptionServer

from vn.annotate.speech.names import Reach, open_recogniser
from vn.annotate.speech.openai_recogniser import LONGEST, OpenAIRecogniser, with_text
from vn.annotate.speech.stage import SpeechStage
from vn.annotate.stage import RawVideo
from vn.endpoints.openai_client import Attempts
from vn.errors import Findings, InputError
from vn.io.disk_cache import DiskCache
from vn.io.retries import Unreachable

pytest.importorskip("openai")
KEY = "sk-secret-0123456789"
SOUND = np.zeros(2 * RATE, np.float32)
GOOD = {
    "text": "Cold tea again? $199.",
    "language": "english",
    "words": [
        {"word": "Cold", "start": 0.0, "end": 0.4},
        {"word": "tea", "start": 0.4, "end": 0.8},
        {"word": "again", "start": 0.8, "end": 1.2},
        {"word": "199", "start": 1.3, "end": 1.9},
    ],
}


@pytest.fixture
def serve(monkeypatch):
    """Start a server; returns it and a recogniser of it. The environment has a key, and no wait takes time."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    started = []

    def start(answer, timeout=20.0):
        server = TranscriptionServer(answer)
        started.append(server)
        attempts = Attempts(3, timeout, sleep=lambda seconds: None)
        return server, OpenAIRecogniser("whisper-1", server.url, attempts=attempts)

    yield start
    for server in started:
        server.close()


def texts(recognised):
    return [word.text for word in recognised.words]


def test_what_is_sent_and_what_comes_back(serve):
    server, recogniser = serve(lambda fields, n: GOOD)
    answer = recogniser.recognise(SOUND, "en", "Aurora kettle")
    assert texts(answer) == ["Cold", " tea", " again?", " $199."]  # with the signs of the text
    assert [(word.start, word.end) for word in answer.words][-1] == (1.3, 1.9)
    (asked,) = server.asked
    assert asked.pop("bytes") < 70_000
    assert asked == {
        "path": "/v1/audio/transcriptions",
        "model": "whisper-1",
        "language": "en",
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
        "temperature": "0.0",
        "prompt": "Aurora kettle",
        "seconds": 2.0,
        "format": (RATE, 1, 2),
    }
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in recogniser.name + recogniser.key
    assert recogniser.odds(SOUND) is None
    assert LONGEST * RATE * 2 < 25e6  # what the vendor takes


def test_segments_only_are_spread_and_counted(serve):
    segments = {"text": "Cold tea", "segments": [{"text": " Cold tea", "start": 0.5, "end": 1.5, "id": 0}]}
    _, recogniser = serve(lambda fields, n: segments)
    answer = recogniser.recognise(SOUND, "en")
    assert texts(answer) == [" Cold", " tea"]
    assert (answer.words[0].start, answer.words[-1].end) == (0.5, 1.5)
    assert answer.counts == {"times of segments only": 1}


def test_a_server_that_does_not_know_words_is_asked_without(serve):
    def answer(fields, n):
        if "timestamp_granularities[]" in fields:
            return 400, {"error": {"message": "unknown field timestamp_granularities"}}
        return {"text": "tea", "segments": [{"text": "tea", "start": 0, "end": 1}]}

    server, recogniser = serve(answer)
    assert texts(recogniser.recognise(SOUND, "en")) == [" tea"]
    recogniser.recognise(SOUND, "en")
    assert len(server.asked) == 3  # it is known the second time


def test_errors_that_pass_are_waited_for(serve):
    server, recogniser = serve(lambda fields, n: 429 if n == 1 else 503 if n == 2 else GOOD)
    assert len(texts(recogniser.recognise(SOUND, "en"))) == 4
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (b"I cannot do that", "not JSON"),
        (["tea"], "not a transcription"),
        ({"text": None}, "not a transcription"),
        ({"text": "tea"}, "no times"),
        ({"text": "tea", "words": [{"word": "tea", "start": "0", "end": True}, 3]}, "no times"),
        (401, "refused"),
        (500, "3 attempts failed"),
    ],
)
def test_an_endpoint_that_is_none_stops_the_work(serve, answer, wanted):
    _, recogniser = serve(lambda fields, n: answer)
    with pytest.raises(Unreachable, match=wanted):
        recogniser.recognise(SOUND, "en")


def test_one_that_hangs_or_does_not_end(serve):
    server, recogniser = serve(lambda fields, n: "hang", timeout=0.3)
    with pytest.raises(Unreachable, match="3 attempts failed"):
        recogniser.recognise(SOUND, "en")
    assert len(server.asked) == 3
    _, recogniser = serve(lambda fields, n: "endless", timeout=2.0)
    with pytest.raises(InputError, match="does not end"):
        recogniser.recognise(SOUND, "en")


def test_sound_that_is_refused_is_one_videos_fault(serve):
    _, recogniser = serve(lambda fields, n: 413)
    with pytest.raises(InputError, match="refused") as error:
        recogniser.recognise(SOUND, "en")
    assert not isinstance(error.value, Unreachable)


def test_an_empty_answer_is_no_speech(serve):
    _, recogniser = serve(lambda fields, n: {"text": "", "words": []})
    assert recogniser.recognise(SOUND, "en").words == ()


def test_words_that_the_text_does_not_have_stay_as_they_are():
    assert [w.text for w in with_text([("Cold", 0, 1), ("tea", 1, 2)], "something else")] == [" Cold", " tea"]
    assert [w.text for w in with_text([("充", 0, 1), ("电", 1, 2)], "充电，")] == ["充", "电，"]


def test_nothing_goes_to_the_vendor_without_leave(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(InputError, match=r"would be sent to api\.openai\.com; add --yes"):
        open_recogniser("openai:whisper-1")
    assert open_recogniser("openai:whisper-1", Reach(yes=True)).name == "openai:whisper-1"
    with pytest.raises(InputError, match="--speech-url: expected http"):
        open_recogniser("openai:whisper-1", Reach(url="ftp://x"))
    with pytest.raises(InputError, match="only openai:"):
        open_recogniser("subtitles", Reach(url="http://x"))


@needs_espeak
def test_long_sound_is_cut_at_pauses_and_a_second_run_asks_nothing(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(OpenAIRecogniser, "longest", 6.0)
    one, two = speech("This small kettle boils water."), speech("Order it today, my friends.")
    parts = [(0.5, one), (3.0, two), (6.0, one), (9.0, two)]
    video = write_video(tmp_path / "v.mp4", sound_of(parts, 12.0), 12.0)
    server, recogniser = serve(
        lambda fields, n: {"text": f"a{n}", "words": [{"word": f"a{n}", "start": 0.6, "end": 0.9}]}
    )

    def made():
        stage = SpeechStage(recogniser, cache=DiskCache(tmp_path / "cache.sqlite"))
        return stage.make(RawVideo("v", video, "x", "en"), {"shots": {"clips": [[0, 12]]}}, Findings())

    first = made()
    assert len(server.asked) >= 2
    assert all(asked["seconds"] <= 6.0 for asked in server.asked)
    pauses = [(a + len(x) / RATE, b) for (a, x), (b, _) in itertools.pairwise(parts)]
    starts = [word[1] - 0.6 for word in first.result["words"]][1:]
    assert all(any(end - 0.4 < start < begin + 0.1 for end, begin in pauses) for start in starts)
    assert first.result["texts"] == [" ".join(f"a{n + 1}" for n in range(len(server.asked)))]
    asked = len(server.asked)
    assert made().result == first.result
    assert len(server.asked) == asked
