"""A server of `/v1/audio/speech` for tests: it speaks the protocol over a real socket, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SpeechServer:
    """Answers requests for speech.

    Args:
        answer: body of the request, its number -> the bytes of a WAV file; or an HTTP status; or ``endless`` for bytes
            without an end, ``cut`` for fewer bytes than it announces, ``hang`` to never answer.

    Attributes:
        bodies: the bodies of the requests.
        headers: their headers, by names in small letters.
        url: where it is.
    """

    def __init__(self, answer: Callable[[dict, int], bytes | int | str]) -> None:
        self.bodies: list[dict] = []
        self.headers: list[dict] = []
        self._closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body | {"path": self.path})
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                given = answer(body, len(outer.bodies))
                with suppress(OSError):  # the client has gone
                    self.respond(given)

            def respond(self, given: bytes | int | str) -> None:
                if given == "hang":
                    outer._closed.wait()
                    return
                self.send_response(given if isinstance(given, int) else 200)
                self.send_header("Content-Type", "audio/wav")
                if given == "endless":
                    self.end_headers()
                    while not outer._closed.is_set():
                        self.wfile.write(bytes(1 << 16))
                    return
                data = given if isinstance(given, bytes) else b'{"error": {"message": "refused"}}'
                self.send_header("Content-Length", str(len(data) + 5000 * (given == "cut")))
                self.end_headers()
                self.wfile.write(data)

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
