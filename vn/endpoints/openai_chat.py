"""A chat model behind an OpenAI-compatible endpoint: OpenAI's own, vLLM, llama.cpp, `transformers serve`."""

from __future__ import annotations

import base64
import hashlib
import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from vn.endpoints.chat import Message, Reply
from vn.endpoints.parameters import Parameters
from vn.endpoints.turn_marks import whole_characters, without_turn_marks
from vn.environment import openai_url
from vn.errors import InputError
from vn.extras import require
from vn.io.retries import SHOWN, Unreachable
from vn.io.urls import given, recorded

logger = logging.getLogger(__name__)
VENDOR = "https://api.openai.com/v1"
LONGEST_WAIT = 60.0  # seconds between two attempts, also if the server asks for more
BUSY = (408, 409, 429)  # statuses that pass, besides those of 500 and more
BAD_QUESTION = (400, 413, 422)  # a text that is too long, or that the vendor does not answer
NEVER_PASSES = "insufficient_quota"  # a rate limit by its status, but one that no waiting ends


class NoCompletion(Unreachable):
    """What came back is not a chat completion: the server speaks another protocol."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a request is sent: it takes at most ``most * (timeout + LONGEST_WAIT)`` seconds.

    Attributes:
        most: attempts in all.
        timeout: seconds without an answer after which one has failed.
        first: seconds before the second attempt; each further pause is twice as long.
        sleep: the function that waits; for tests.
    """

    most: int = 6
    timeout: float = 60.0
    first: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def pause(self, failed: int, headers: Any) -> float:
        """Seconds to wait after a number of failures: as long as the server asks for, or twice as long as before."""
        try:
            asked = float((headers or {}).get("retry-after", 0))
        except ValueError:  # a date
            asked = 0.0
        jitter = 1 + random.random() / 4  # so that workers do not come back all at once
        return min(LONGEST_WAIT, max(asked, self.first * 2.0 ** (failed - 1)) * jitter)


class OpenAIChat:
    """Asks a model at temperature 0, if it takes one; see `vn.endpoints.chat.ChatModel`.

    Transient errors (time-outs, lost connections, rate limits, server errors) are retried. The key is that of the
    environment (``OPENAI_API_KEY``), and is sent to this endpoint only.

    Args:
        model: name of the model there.
        url: URL of the endpoint, e.g. ``http://localhost:8000/v1``, perhaps with a user, password and query; None for
            that of the environment (``OPENAI_BASE_URL``), or else OpenAI's.
        workers: number of concurrent requests.
        attempts: how often a request is sent.

    Raises:
        InputError: no key for OpenAI's own endpoint, or one that no request can hold.
    """

    def __init__(self, model: str, url: str | None = None, workers: int = 4, attempts: Attempts | None = None) -> None:
        require("openai")
        import openai

        self.id = model
        self.url = recorded(url or openai_url() or VENDOR)
        self.key = hashlib.sha256(f"openai chat\0{self.url}\0{model}".encode()).hexdigest()
        self.workers = workers
        self.attempts = attempts or Attempts()
        self._parameters = Parameters()  # those that the model was found to take
        self._waited = False  # whether a warning was given that it is waited for
        base, query = _with_query_apart(given(self.url))
        options: dict[str, Any] = {"timeout": self.attempts.timeout, "max_retries": 0, "default_query": query}
        try:
            self.client = openai.OpenAI(base_url=base, **options)
        except openai.OpenAIError as error:
            if url is None:
                raise InputError(f"{model} cannot be asked: {error}") from None
            self.client = openai.OpenAI(base_url=base, api_key="none", **options)  # a local server needs none
        if not re.fullmatch(r"[!-~]*", self.client.api_key or ""):  # an error of the client would show it
            raise InputError("expected letters, digits and signs, without blanks", field="OPENAI_API_KEY")

    def ask(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """See `ChatModel.ask`.

        Raises:
            InputError: this question is refused.
            NoCompletion: the server answers with something else.
            Unreachable: it cannot be reached, or refuses all questions.
        """
        import openai

        body = [{"role": message.role, "content": _content(message)} for message in messages]
        for attempt in range(1, self.attempts.most + 1):
            try:
                return self._request(body, max_tokens)
            except openai.OpenAIError as error:
                status = getattr(error, "status_code", None)
                if status in BAD_QUESTION:
                    raise InputError(f"the request was refused: {self._short(error)}") from None
                if not _passes(error):  # a wrong key, no such model
                    raise Unreachable(f"the request was refused: {self._short(error)}") from None
                if attempt == self.attempts.most:
                    raise Unreachable(f"{attempt} attempts failed, the last with {self._short(error)}") from None
                if attempt == SHOWN and not self._waited:
                    self._waited = True
                    again = "%s: %s; asked again, up to %d times"
                    logger.warning(again, self.id, self._short(error), self.attempts.most)
                headers = getattr(getattr(error, "response", None), "headers", None)
                self.attempts.sleep(self.attempts.pause(attempt, headers))
        raise AssertionError("at least one attempt")

    def _request(self, body: list[Any], max_tokens: int) -> Reply:
        """Send a question, again without a parameter that the model refuses; what it takes is kept."""
        import openai

        known = parameters = self._parameters
        while True:
            try:
                reply = self._send(body, parameters.of(max_tokens))
            except openai.BadRequestError as error:
                less = parameters.without_refused(error)
                if less is None:
                    raise
                parameters = less
                continue
            if parameters != known:
                self._parameters = parameters
                if known.temperature and not parameters.temperature:
                    logger.warning("%s takes no temperature of 0: asked again, it may reply otherwise", self.id)
            return reply

    def _send(self, body: list[Any], parameters: dict[str, Any]) -> Reply:
        try:
            done: Any = self.client.chat.completions.create(model=self.id, messages=body, **parameters)
        except ValueError as error:  # JSON by its type that is none
            raise NoCompletion(f"the endpoint answered with something that is not JSON: {error}") from None
        choices = getattr(done, "choices", None)  # a server may answer anything
        if not isinstance(choices, list):
            raise NoCompletion("the endpoint answered with something that is not a chat completion")
        first = choices[0] if choices else None
        content = getattr(getattr(first, "message", None), "content", None)
        usage = getattr(done, "usage", None)
        return Reply(
            text=whole_characters(content) if isinstance(content, str) else "",
            prompt_tokens=_count(usage, "prompt_tokens"),
            completion_tokens=_count(usage, "completion_tokens"),
            cut=getattr(first, "finish_reason", None) == "length",
        )

    def _short(self, error: Exception) -> str:
        """An error in a few words, without the key, which a server may repeat."""
        text = str(error)
        if len(self.client.api_key or "") >= 8:
            text = text.replace(self.client.api_key, "***")
        return f"{type(error).__name__}: {text[:200]}"


def _passes(error: Any) -> bool:
    """Whether an error of the client may pass: a time-out, a lost connection, a rate limit, a fault of the server."""
    import openai

    if isinstance(error, openai.APIConnectionError):
        return True
    status = getattr(error, "status_code", None)
    return status is not None and (status in BUSY or status >= 500) and error.code != NEVER_PASSES


def _content(message: Message) -> Any:
    """A message's content: its text, after its frames as data URLs if there are any."""
    text = without_turn_marks(message.text)
    if not message.frames:
        return text
    urls = (f"data:image/jpeg;base64,{base64.b64encode(frame).decode()}" for frame in message.frames)
    return [*({"type": "image_url", "image_url": {"url": url}} for url in urls), {"type": "text", "text": text}]


def _count(usage: object, name: str) -> int:
    value = getattr(usage, name, 0)
    return value if isinstance(value, int) and value > 0 else 0


def _with_query_apart(url: str) -> tuple[str, dict[str, str]]:
    """A URL without its query, and the query: the client would put paths after it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), dict(parse_qsl(parts.query))
