"""A judge behind an OpenAI-compatible endpoint: OpenAI's own, `transformers serve`, vLLM, llama.cpp."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable
from typing import Any

from vn.errors import InputError
from vn.extras import require
from vn.score.judge import Answer, JudgePrompt

LONGEST_WAIT = 60.0  # seconds between two attempts
MOST_TOKENS = 64  # tokens of an answer: three labels


class OpenAIJudge:
    """Asks a model at temperature 0; see `vn.score.judge.Judge`.

    Transient errors (time-outs, lost connections, rate limits, server errors) are retried, each time after twice as
    long a wait, or as long as the server asks for.

    Args:
        model: name of the model there.
        prompt: what it is asked.
        url: URL of the endpoint, e.g. ``http://localhost:8000/v1``; None for OpenAI's.
        workers: number of concurrent requests.
        timeout: seconds per request.
        attempts: attempts per narration, in all.
        wait: seconds before the second attempt.
        sleep: the function that waits; for tests.

    Raises:
        InputError: no key for OpenAI's own endpoint (the client reads OPENAI_API_KEY).
    """

    def __init__(
        self,
        model: str,
        prompt: JudgePrompt,
        url: str | None = None,
        workers: int = 4,
        timeout: float = 60.0,
        attempts: int = 6,
        wait: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        require("openai")
        import openai

        self.id = model
        self.key = hashlib.sha256(f"openai\0{url}\0{model}\0{prompt.sha256}".encode()).hexdigest()
        self.workers = workers
        self._prompt, self._attempts, self._wait, self._sleep = prompt, attempts, wait, sleep
        options: dict[str, Any] = {"timeout": timeout, "max_retries": 0}
        try:
            self._client = openai.OpenAI(base_url=url, **options)
        except openai.OpenAIError as error:
            if url is None:
                raise InputError(f"the judge {model} cannot be asked: {error}") from None
            self._client = openai.OpenAI(base_url=url, api_key="none", **options)  # a local server needs none

    def ask(self, narration: str) -> Answer:
        """See `Judge.ask`."""
        import openai

        passing = (
            openai.APITimeoutError,
            openai.APIConnectionError,
            openai.RateLimitError,
            openai.InternalServerError,
        )
        for attempt in range(1, self._attempts + 1):
            try:
                return self._request(narration)
            except passing as error:
                if attempt == self._attempts:
                    raise InputError(f"{attempt} attempts failed, the last with {_short(error)}") from None
                self._sleep(self._pause(error, attempt))
            except openai.OpenAIError as error:  # a wrong key, no such model: not transient
                raise InputError(f"the request was refused: {_short(error)}") from None
        raise AssertionError("unreachable")

    def _request(self, narration: str) -> Answer:
        done = self._client.chat.completions.create(
            model=self.id,
            messages=[{"role": "user", "content": self._prompt.of(narration)}],
            temperature=0.0,
            max_tokens=MOST_TOKENS,
        )
        usage = getattr(done, "usage", None)
        choices = getattr(done, "choices", None) or []  # a server may answer anything
        content = getattr(getattr(choices[0], "message", None), "content", None) if choices else None
        return Answer(
            text=content if isinstance(content, str) else "",
            prompt_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
            completion_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
        )

    def _pause(self, error: Exception, attempt: int) -> float:
        headers = getattr(getattr(error, "response", None), "headers", None) or {}
        try:
            asked = float(headers.get("retry-after", 0))
        except ValueError:  # a date
            asked = 0.0
        jitter = 1 + random.random() / 4  # so that workers do not come back all at once
        waited = self._wait * 2.0 ** (attempt - 1)
        return min(LONGEST_WAIT, max(asked, waited) * jitter)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:200]}"
