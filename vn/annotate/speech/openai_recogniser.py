"""``openai:MODEL``: a recogniser behind ``/v1/audio/transcriptions`` of OpenAI or a server with its protocol."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Sequence
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import numpy as np

from vn.annotate.speech.recogniser import Recognised, TimedWord
from vn.annotate.speech.sound import RATE, to_int16
from vn.annotate.speech.spread import spread
from vn.endpoints.openai_client import VENDOR, Attempts, OpenAIEndpoint
from vn.endpoints.whole_body import whole_body
from vn.environment import openai_url
from vn.errors import InputError, show
from vn.extras import require
from vn.io.retries import Unreachable
from vn.io.urls import recorded

LONGEST = 600.0  # seconds at once: 19 MB of WAV, since the vendor takes 25 MB
LARGEST = 32 << 20  # bytes of an answer
FAR = 100  # characters between two words of an answer in its text; more is another text
MOST_HINTS = 800  # characters of names; the vendor's model reads the last 224 tokens


class OpenAIRecogniser:
    """A `vn.annotate.speech.recogniser.Recogniser`.

    It asks for times of words. A server that gives those of segments only has the words of each spread over it.

    Args:
        model: name of the model there.
        url: URL of the endpoint, e.g. ``http://localhost:8000/v1``; None for the vendor's.
        yes: whether sound may be sent to the vendor.
        attempts: how often a request is sent.

    Raises:
        InputError: a URL that is none, no key, or a vendor's endpoint without leave.
    """

    longest = LONGEST

    def __init__(self, model: str, url: str | None = None, yes: bool = False, attempts: Attempts | None = None) -> None:
        self.name = f"openai:{model}"
        if url is not None and urlsplit(url).scheme not in ("http", "https"):
            raise InputError("expected http:// or https://", field="--speech-url")
        if url is None and not yes:
            host = urlsplit(recorded(openai_url() or VENDOR)).hostname
            how = "add --yes to send it, or --speech-url with another endpoint"
            raise InputError(f"--speech {self.name}: the sound of all videos would be sent to {host}; {how}")
        require("openai", field="--speech", command="annotate")
        self._model = model
        self._words = True  # whether the server is asked for times of words
        self._endpoint = OpenAIEndpoint(model, url, attempts)
        self.key = json.dumps(["openai speech", self._endpoint.url, model])

    def recognise(self, samples: np.ndarray, language: str, hints: str = "") -> Recognised:
        """See `Recogniser`.

        Raises:
            InputError: this sound is refused.
            Unreachable: it cannot be reached, refuses all requests, or answers with something else.
        """
        data = self._endpoint.asked(lambda: self._request(wav_of(samples), language, hints))
        try:
            answer = json.loads(data)
        except ValueError:
            raise Unreachable(f"{self.name} answered with something that is not JSON: {show(data[:80])}") from None
        return recognised_in(answer, self.name)

    def odds(self, samples: np.ndarray) -> dict[str, float] | None:
        """See `Recogniser`: the protocol has none."""
        return None

    def _request(self, sound: bytes, language: str, hints: str) -> bytes:
        """Send sound, again without asking for times of words if the server does not know how."""
        import openai

        options: dict[str, Any] = {"prompt": hints[:MOST_HINTS]} if hints else {}
        if self._words:
            options["timestamp_granularities"] = ["word", "segment"]
        try:
            return self._send(sound, language, options)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not self._words or "granularit" not in str(error):
                raise
            self._words = False
            return self._request(sound, language, hints)

    def _send(self, sound: bytes, language: str, options: dict[str, Any]) -> bytes:
        transcriptions = self._endpoint.client.audio.transcriptions.with_streaming_response
        request = transcriptions.create(
            model=self._model,
            file=("sound.wav", sound, "audio/wav"),
            language=language,
            response_format="verbose_json",
            temperature=0.0,
            **options,
        )
        with request as response:
            return whole_body(response, LARGEST, self._endpoint.attempts.timeout, self.name)


def wav_of(samples: np.ndarray) -> bytes:
    """Sound as a WAV file of 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, RATE, 0, "NONE", ""))
        sound.writeframes(to_int16(samples).tobytes())
    return file.getvalue()


def recognised_in(answer: Any, name: str) -> Recognised:
    """The words of an answer; those of a server may be anything.

    Args:
        answer: its JSON.
        name: the recogniser's, for messages.

    Raises:
        Unreachable: it has no words and no segments with times.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
        raise Unreachable(f"{name} answered with something that is not a transcription: {show(answer)}")
    text = answer["text"]
    words = _timed(answer.get("words"), "word")
    if words:
        return Recognised(tuple(with_text(words, text)))
    segments = _timed(answer.get("segments"), "text")
    if segments:
        spoken = [word for text, start, end in segments for word in spread(f" {text.strip()}", start, end)]
        return Recognised(tuple(spoken), {"times of segments only": 1})
    if text.strip():
        raise Unreachable(f"{name} gives no times of words or segments (verbose_json), which a narration needs")
    return Recognised(())


def with_text(words: Sequence[tuple[str, float, float]], text: str) -> list[TimedWord]:
    """Words with the punctuation and blanks that the whole text has: a server leaves them out of its words.

    >>> with_text([("Cold", 0.0, 0.4), ("tea", 0.4, 0.7)], "Cold tea?")
    [TimedWord(text='Cold', start=0.0, end=0.4), TimedWord(text=' tea?', start=0.4, end=0.7)]
    """
    out: list[TimedWord] = []
    at, lead = 0, ""
    for n, (word, start, end) in enumerate(words):
        place = text.find(word.strip(), at)
        if place < 0 or place - at > FAR:  # the text is another one
            return [TimedWord(f" {word.strip()}", start, end) for word, start, end in words]
        lead += text[at:place] if n == 0 else ""
        at = place + len(word.strip())
        following = text.find(words[n + 1][0].strip(), at) if n + 1 < len(words) else len(text)
        gap = text[at : max(at, following)]
        blank = max((i for i, c in enumerate(gap) if c.isspace()), default=len(gap))
        out.append(TimedWord(lead + word.strip() + gap[:blank], start, end))
        at, lead = at + len(gap), gap[blank:]  # what is after a blank belongs to the next word, as in "again? $199"
    return out


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _timed(entries: Any, name: str) -> list[tuple[str, float, float]]:
    """The entries that have a text and two numbers."""
    found = []
    for entry in entries if isinstance(entries, list) else ():
        text, start, end = (entry.get(key) for key in (name, "start", "end")) if isinstance(entry, dict) else [None] * 3
        if isinstance(text, str) and _is_number(start) and _is_number(end):
            found.append((text, float(start), float(end)))
    return found
