"""A chat model behind an OpenAI-compatible endpoint: OpenAI's own, vLLM, llama.cpp, `transformers serve`."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Sequence
from typing import Any

from vn.endpoints.chat import Message, Reply
from vn.endpoints.openai_client import Attempts, OpenAIEndpoint
from vn.endpoints.parameters import Parameters
from vn.endpoints.turn_marks import whole_characters, without_turn_marks
from vn.io.retries import Unreachable

logger = logging.getLogger(__name__)


class NoCompletion(Unreachable):
    """What came back is not a chat completion: the server speaks another protocol."""


class OpenAIChat:
    """Asks a model at temperature 0, if it takes one; see `vn.endpoints.chat.ChatModel`.

    Requests are sent as by `vn.endpoints.openai_client.OpenAIEndpoint`.

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
        self.endpoint = OpenAIEndpoint(model, url, attempts)
        self.id, self.url, self.client = model, self.endpoint.url, self.endpoint.client
        self.key = hashlib.sha256(f"openai chat\0{self.url}\0{model}".encode()).hexdigest()
        self.workers = workers
        self._parameters = Parameters()  # those that the model was found to take

    def ask(self, messages: Sequence[Message], max_tokens: int) -> Reply:
        """See `ChatModel.ask`.

        Raises:
            InputError: this question is refused.
            NoCompletion: the server answers with something else.
            Unreachable: it cannot be reached, or refuses all questions.
        """
        body = [{"role": message.role, "content": _content(message)} for message in messages]
        return self.endpoint.asked(lambda: self._request(body, max_tokens))

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
