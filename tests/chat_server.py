"""A small OpenAI-compatible server for tests: it speaks the protocol over a real socket, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROMPT_TOKENS, FRAME_TOKENS = 100, 50  # that it counts per question and per frame


class ChatServer:
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
        headers: their headers, by names in small letters.
        url: where it is.
    """

    def __init__(
        self, answer: Callable[[str, int], str | int | dict], blind: bool = False, refuses: tuple[str, ...] = ()
    ) -> None:
        self.questions: list[dict] = []
        self.headers: list[dict] = []
        self._closed = threading.Event()
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.questions.append(body | {"path": self.path})
                    outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                    number = len(outer.questions)
                question, frames = last_question(body)
                refused = next((name for name in refuses if name in body), None)
                said = 400 if refused else answer(question, number)
                if said == "hang":
                    outer._closed.wait()
                    return
                status = said if isinstance(said, int) else 200
                content = {"error": refusal(refused)} if status != 200 else completion(said, body["model"])
                if not blind and status == 200 and "usage" in content:
                    content["usage"]["prompt_tokens"] += FRAME_TOKENS * frames
                data = b'{"choices": [' if said == "broken" else json.dumps(content).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    if status == 429:
                        self.send_header("Retry-After", "7")
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # the client has gone
                    pass

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()


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
