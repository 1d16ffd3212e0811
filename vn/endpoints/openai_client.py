"""The client of OpenAI-compatible endpoints: URL and key, and requests that are sent again while errors may pass."""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from vn.environment import openai_url
from vn.errors import InputError
from vn.extras import require
from vn.io.retries import SHOWN, Unreachable
from vn.io.urls import given, recorded

Result = TypeVar("Result")
logger = logging.getLogger(__name__)
VENDOR = "https://api.openai.com/v1"
LONGEST_WAIT = 60.0  # seconds between two attempts, also if the server asks for more
BUSY = (408, 409, 429)  # statuses that pass, besides those of 500 and more
BAD_QUESTION = (400, 413, 422)  # a text that is too long, or that the vendor does not answer
NEVER_PASSES = "insufficient_quota"  # a rate limit by its status, but one that no waiting ends


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


class OpenAIEndpoint:
    """An endpoint with a model.

    Transient errors (time-outs, lost connections, rate limits, server errors) are retried. The key is that of the
    environment (``OPENAI_API_KEY``), and is sent to this endpoint only.

    Args:
        model: name of the model there, for messages.
        url: URL of the endpoint, e.g. ``http://localhost:8000/v1``, perhaps with a user, password and query; None for
            that of the environment (``OPENAI_BASE_URL``), or else OpenAI's.
        attempts: how often a request is sent.

    Raises:
        InputError: no key for OpenAI's own endpoint, or one that no request can hold.
    """

    def __init__(self, model: str, url: str | None = None, attempts: Attempts | None = None) -> None:
        require("openai")
        import openai

        self.model = model
        self.url = recorded(url or openai_url() or VENDOR)
        self.attempts = attempts or Attempts()
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

    def asked(self, request: Callable[[], Result]) -> Result:
        """The result of a request by the client.

        Raises:
            InputError: this request is refused.
            Unreachable: the endpoint cannot be reached, or refuses all requests.
        """
        import openai

        for attempt in range(1, self.attempts.most + 1):
            try:
                return request()
            except openai.OpenAIError as error:
                status = getattr(error, "status_code", None)
                if status in BAD_QUESTION:
                    raise InputError(f"the request was refused: {self.short(error)}") from None
                if not _passes(error):  # a wrong key, no such model
                    raise Unreachable(f"the request was refused: {self.short(error)}") from None
                if attempt == self.attempts.most:
                    raise Unreachable(f"{attempt} attempts failed, the last with {self.short(error)}") from None
                if attempt == SHOWN and not self._waited:
                    self._waited = True
                    again = "%s: %s; asked again, up to %d times"
                    logger.warning(again, self.model, self.short(error), self.attempts.most)
                headers = getattr(getattr(error, "response", None), "headers", None)
                self.attempts.sleep(self.attempts.pause(attempt, headers))
        raise AssertionError("at least one attempt")

    def short(self, error: Exception) -> str:
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


def _with_query_apart(url: str) -> tuple[str, dict[str, str]]:
    """A URL without its query, and the query: the client would put paths after it."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")), dict(parse_qsl(parts.query))
