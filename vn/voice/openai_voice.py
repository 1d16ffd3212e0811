"""``openai:MODEL[:VOICE]``: a voice behind ``/v1/audio/speech`` of OpenAI, or of a server with the same protocol."""

from __future__ import annotations

from urllib.parse import urlsplit

from vn.endpoints.openai_client import VENDOR, Attempts, OpenAIEndpoint
from vn.endpoints.whole_body import whole_body
from vn.environment import openai_url
from vn.errors import InputError
from vn.extras import require
from vn.io.urls import recorded
from vn.story import Language
from vn.voice.settings import VoiceSettings
from vn.voice.speech import Speech
from vn.voice.wav import LARGEST, parse_wav

USUAL_VOICE = "alloy"


class OpenAIVoice:
    """A `vn.voice.speech.Voice`.

    Args:
        rest: name of the model there, and perhaps of a voice: ``tts-1`` or ``tts-1:nova``.
        settings: the endpoint, whether texts may be sent to a vendor, and how long one may take.

    Raises:
        InputError: no model, a URL that is none, no key, or a vendor's endpoint without leave.
    """

    speeds = (0.5, 2.0)

    def __init__(self, rest: str, settings: VoiceSettings) -> None:
        model, colon, voice = rest.rpartition(":")
        self._model, self._voice = (model, voice) if colon else (rest, USUAL_VOICE)
        if not self._model or not self._voice:
            raise InputError(f"expected openai:MODEL or openai:MODEL:VOICE, got openai:{rest}", field="--voice")
        if settings.url is not None and urlsplit(settings.url).scheme not in ("http", "https"):
            raise InputError("expected http:// or https://", field="--voice-url")
        self.name = f"openai:{rest}"
        if settings.url is None and not settings.yes:
            host = urlsplit(recorded(openai_url() or VENDOR)).hostname
            how = "add --yes to send them, or --voice-url with another endpoint"
            raise InputError(f"--voice {self.name}: all narrations would be sent to {host}; {how}")
        require("openai", field="--voice")
        self._timeout = settings.timeout
        self._endpoint = OpenAIEndpoint(self._model, settings.url, Attempts(timeout=settings.timeout))
        self.fingerprint = f"openai {self._endpoint.url} {self._model} {self._voice}"

    def speak(self, text: str, language: Language, speed: float = 1.0) -> Speech:
        """See `Voice.speak`.

        Raises:
            InputError: the endpoint cannot be reached, refuses, or answers with something that is not WAV.
        """
        data = self._endpoint.asked(lambda: self._request(text, speed))
        try:
            return parse_wav(data)
        except InputError as error:
            raise InputError(f"what {self.name} returned {error}") from None

    def _request(self, text: str, speed: float) -> bytes:
        speech = self._endpoint.client.audio.speech.with_streaming_response
        request = speech.create(
            model=self._model, voice=self._voice, input=text, response_format="wav", speed=round(speed, 3)
        )
        with request as response:
            return whole_body(response, LARGEST, self._timeout, self.name)
