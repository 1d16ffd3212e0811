"""A small OpenAI-compatible server for tests: it speaks the protocol over a real socket, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ChatServer:
    """Answers chat completions.

    Args:
        answer: question, number of the request -> what the model says; or an HTTP status to answer with; or
            ``hang`` to never answer, or ``garbage`` for JSON that is no completion.
    """

    def __init__(self, answer: Callable[[str, int], str | int]) -> None:
        self.questions: list[dict] = []
        self._closed = threading.Event()
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.questions.append(body | {"path": self.path})
                    number = len(outer.questions)
                said = answer(body["messages"][-1]["content"], number)
                if said == "hang":
                    outer._closed.wait()
                    return
                status, content = (said, {"error": {"message": "no"}}) if isinstance(said, int) else (200, {})
                if said == "garbage":
                    content = {"hello": "world"}
                elif status == 200:
                    content = {
                        "id": "x",
                        "object": "chat.completion",
                        "created": 0,
                        "model": body["model"],
                        "choices": [
                            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
                        ],
                        "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
                    }
                data = json.dumps(content).encode()
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
