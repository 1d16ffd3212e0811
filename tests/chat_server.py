"""A small OpenAI-compatible server for tests: it speaks the protocol over a real socket, and misbehaves on demand."""

from __future__ import annotations

import json
from collections.abc import Callable

from loopback_server import LoopbackServer, Reply

PROMPT_TOKENS, FRAME_TOKENS = 100, 50  # that it counts per question and per frame


class ChatServer(LoopbackServer):
    """Answers chat completions.

    Args:
        answer: question, number of the request -> what the model says; or an HTTP status to answer with, or a dict for
            a field of the choice besides; or ``hang`` to never answer, ``garbage`` for JSON that is no completion,
            ``broken`` for JSON that is none, ``nothing`` for a completion without a choice, ``null`` for one without a
            text.
        blind: whether frames are left out without a word.
        refuses: parameters that it refuses, one at a time, as newer models of OpenAI do: ``max_tokens``,
            ``temperature``.

    Attributes:
        questions: the bodies of the requests, with their paths.
    """

    def __init__(
        self, answer: Callable[[str, int], str | int | dict], blind: bool = False, refuses: tuple[str, ...] = ()
    ) -> None:
        self.questions: list[dict] = []
        self._answer, self._blind, self._refuses = answer, blind, refuses
        super().__init__()

    def reply(self, path, headers, body):
        asked = json.loads(body)
        with self.lock:
            self.questions.append(asked | {"path": path})
            number = len(self.questions)
        question, frames = last_question(asked)
        refused = next((name for name in self._refuses if name in asked), None)
        said = 400 if refused else self._answer(question, number)
        if said == "hang":
            return said
        status = said if isinstance(said, int) else 200
        content = {"error": refusal(refused)} if status != 200 else completion(said, asked["model"])
        if not self._blind and status == 200 and "usage" in content:
            content["usage"]["prompt_tokens"] += FRAME_TOKENS * frames
        data = b'{"choices": [' if said == "broken" else json.dumps(content).encode()
        wait = {"Retry-After": "7"} if status == 429 else {}
        return Reply(data, status, {"Content-Type": "application/json"} | wait)


def refusal(parameter: str | None) -> dict:
    """An error, as OpenAI writes it if it is about a parameter."""
    if parameter is None:
        return {"message": "no"}
    message = f"Unsupported parameter: '{parameter}' is not supported with this model."
    return {
        "message": message,
        "type": "invalid_request_error",
        "param": parameter,
        "code": "unsupported_parameter",
    }


def last_question(body: dict) -> tuple[str, int]:
    """The text of the last message, and the number of frames that are shown in all of them."""
    parts = [message["content"] for message in body["messages"] if isinstance(message["content"], list)]
    frames = sum(part["type"] == "image_url" for content in parts for part in content)
    content = body["messages"][-1]["content"]
    if isinstance(content, list):
        content = "\n".join(part["text"] for part in content if part["type"] == "text")
    return content, frames


def completion(said: str | dict, model: str) -> dict:
    """A completion with what the model says, or what is asked for instead."""
    if said == "garbage":
        return {"hello": "world"}
    fields = said if isinstance(said, dict) else {"content": None if said == "null" else said}
    message = {"role": "assistant", "content": fields.get("content")}
    choice = {"index": 0, "finish_reason": fields.get("finish_reason", "stop"), "message": message}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [] if said == "nothing" else [choice],
        "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": 5, "total_tokens": PROMPT_TOKENS + 5},
    }
