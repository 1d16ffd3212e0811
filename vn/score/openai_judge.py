"""A judge behind an OpenAI-compatible endpoint: OpenAI's own, `transformers serve`, vLLM, llama.cpp."""

from __future__ import annotations

import hashlib

from vn.endpoints.chat import Message
from vn.endpoints.openai_chat import NoCompletion, OpenAIChat
from vn.endpoints.openai_client import Attempts
from vn.environment import openai_url
from vn.errors import InputError
from vn.score.judge import MOST_TOKENS, Answer, JudgePrompt


class OpenAIJudge:
    """See `vn.score.judge.Judge`, and `OpenAIChat` for what is retried.

    Args:
        model: name of the model there.
        prompt: what it is asked.
        url: URL of the endpoint, e.g. ``http://localhost:8000/v1``; None for OpenAI's.
        workers: number of concurrent requests.
        attempts: attempts per narration.

    Raises:
        InputError: no key for OpenAI's own endpoint (the client reads OPENAI_API_KEY).
    """

    def __init__(
        self,
        model: str,
        prompt: JudgePrompt,
        url: str | None = None,
        workers: int = 4,
        attempts: Attempts | None = None,
    ) -> None:
        try:
            self.chat = OpenAIChat(model, url, workers, attempts)
        except InputError as error:
            raise InputError(f"the judge {error}") from None
        self.id = model
        place = self.chat.url if url or openai_url() else None
        self.key = hashlib.sha256(f"openai\0{place}\0{model}\0{prompt.sha256}".encode()).hexdigest()
        self.workers = workers
        self._prompt = prompt

    def ask(self, narration: str) -> Answer:
        """See `Judge.ask`; what is not a chat completion is an empty answer."""
        try:
            reply = self.chat.ask([Message("user", self._prompt.of(narration))], MOST_TOKENS)
        except NoCompletion:
            return Answer("")
        return Answer(reply.text, reply.prompt_tokens, reply.completion_tokens)
