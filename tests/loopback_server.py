"""A server on loopback for tests of endpoints: the protocol over a real socket, and the misbehaviour of servers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        data: its body.
        status: HTTP status.
        headers: headers besides ``Content-Length``.
        missing: bytes that are announced and never sent.
    """

    data: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    missing: int = 0


class LoopbackServer(ABC):
    """Answers POST requests, each in a thread, until it is closed.

    Attributes:
        headers: the headers of the requests, by names in small letters.
        url: where it is.
    """

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self._closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                with outer.lock:
                    outer.headers.append(headers)
                reply = outer.reply(self.path, headers, body)
                if reply == "hang":
                    outer._closed.wait()
                    return
                with suppress(OSError):  # the client has gone
                    self.answer(reply)

            def answer(self, reply: Reply | Literal["endless"]) -> None:
                if reply == "endless":
                    self.send_response(200)
                    self.end_headers()
                    while not outer._closed.is_set():
                        self.wfile.write(b" " * (1 << 16))
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.data) + reply.missing))
                self.end_headers()
                self.wfile.write(reply.data)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    @abstractmethod
    def reply(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply | Literal["hang", "endless"]:
        """The answer to a request; ``hang`` for none, ``endless`` for bytes without an end. May run in many threads."""

    def close(self) -> None:
        """Stop, and let go of clients that wait."""
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()
