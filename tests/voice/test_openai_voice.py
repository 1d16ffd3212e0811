"""A voice behind an endpoint: the real client against a server on this machine."""

import struct

import pytest
from bursts import burst
from speech_server import SpeechServer

from vn.endpoints.openai_client import Attempts
from vn.errors import InputError
from vn.voice.names import open_voice
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import wav_bytes

pytest.importorskip("openai")
KEY = "sk-secret-0123456789"
WAV = wav_bytes(Speech(burst(1.0, 24000), 24000))


@pytest.fixture
def serve(monkeypatch):
    """Start a server; returns it and a voice of it. The environment has a key, and no wait takes time."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setattr(
        "vn.voice.openai_voice.Attempts", lambda timeout: Attempts(3, timeout, sleep=lambda seconds: None)
    )
    started = []

    def start(answer, name="openai:tts-1", timeout=20.0):
        server = SpeechServer(answer)
        started.append(server)
        return server, open_voice(name, settings=VoiceSettings(url=server.url, timeout=timeout))

    yield start
    for server in started:
        server.close()


def test_what_is_sent_and_what_comes_back(serve):
    server, voice = serve(lambda body, n: WAV, "openai:tts-1:nova")
    speech = voice.speak("Cold tea again?", "en", 1.25)
    assert (speech.rate, speech.seconds) == (24000, 1.0)
    (body,) = server.bodies
    assert body == {
        "path": "/v1/audio/speech",
        "model": "tts-1",
        "voice": "nova",
        "input": "Cold tea again?",
        "response_format": "wav",
        "speed": 1.25,
    }
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in voice.name + voice.fingerprint


def test_a_header_that_does_not_know_the_length_is_what_such_servers_send(serve):
    streamed = bytearray(WAV)
    streamed[4:8] = streamed[40:44] = struct.pack("<I", 0xFFFFFFFF)
    _, voice = serve(lambda body, n: bytes(streamed))
    assert voice.speak("Hello", "en").seconds == 1.0


@pytest.mark.parametrize(
    ("answer", "message", "requests"),
    [
        (b"ID3\4mp3", "what openai:tts-1 returned is not a WAV file", 1),
        (b"", "is empty", 1),
        (WAV[:9000], "is cut short", 1),
        (401, "the request was refused: AuthenticationError", 1),
        (400, "the request was refused: BadRequestError", 1),
        (500, "3 attempts failed, the last with InternalServerError", 3),
        ("cut", "3 attempts failed, the last with APIConnectionError", 3),
    ],
)
def test_what_else_may_come_back(serve, answer, message, requests):
    server, voice = serve(lambda body, n: answer)
    with pytest.raises(InputError, match=message) as raised:
        voice.speak("Hello", "en")
    assert len(server.bodies) == requests
    assert KEY not in str(raised.value)


def test_an_error_that_passes_is_waited_for(serve):
    server, voice = serve(lambda body, n: 503 if n < 3 else WAV)
    assert voice.speak("Hello", "en").seconds == 1.0
    assert len(server.bodies) == 3


def test_an_answer_without_an_end_is_bounded(serve, monkeypatch):
    monkeypatch.setattr("vn.voice.openai_voice.LARGEST", 1 << 20)
    server, voice = serve(lambda body, n: "endless")
    with pytest.raises(InputError, match="does not end"):
        voice.speak("Hello", "en")
    assert len(server.bodies) == 1


def test_an_endpoint_that_hangs(serve):
    _, voice = serve(lambda body, n: "hang", timeout=0.5)
    with pytest.raises(InputError, match="3 attempts failed, the last with APITimeoutError"):
        voice.speak("Hello", "en")


def test_a_vendor_needs_leave_and_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(InputError, match=r"all narrations would be sent to api\.openai\.com; add --yes"):
        open_voice("openai:tts-1")
    with pytest.raises(InputError, match="tts-1 cannot be asked"):
        open_voice("openai:tts-1", settings=VoiceSettings(yes=True))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert open_voice("openai:tts-1", settings=VoiceSettings(yes=True)).name == "openai:tts-1"
    secret = open_voice("openai:tts-1", settings=VoiceSettings(url="http://ann:pw@127.0.0.1:1/v1?sig=x"))
    assert "pw" not in secret.fingerprint
    assert "sig" not in secret.fingerprint
