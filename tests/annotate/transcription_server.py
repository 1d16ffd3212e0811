"""A server of `/v1/audio/transcriptions` for tests: the protocol over a real socket, and misbehaviour on demand."""

from __future__ import annotations

import io
import json
import threading
import wave
from collections.abc import Callable
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class TranscriptionServer:
    """Answers requests for transcriptions.

    Args:
        answer: fields of the request (``seconds`` of its sound among them), its number -> the JSON of the answer; or
            bytes as they are, an HTTP status, ``hang`` to never answer, ``endless`` for bytes without an end; or a
            pair of a status and the JSON of an error.

    Attributes:
        asked: the fields of the requests.
        url: where it is.
    """

    def __init__(self, answer: Callable[[dict, int], Any]) -> None:
        self.asked: list[dict] = []
        self.headers: list[dict] = []
        self._closed = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.headers.append({name.lower(): value for name, value in self.headers.items()})
                fields = {"path": self.path, **fields_of(self.headers["Content-Type"], body)}
                outer.asked.append(fields)
                given = answer(fields, len(outer.asked))
                with suppress(OSError):  # the client has gone
                    self.respond(given)

            def respond(self, given: Any) -> None:
                if given == "hang":
                    outer._closed.wait()
                    return
                status, given = given if isinstance(given, tuple) else (200, given)
                if isinstance(given, int):
                    status, given = given, {"error": {"message": "refused"}}
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if given == "endless":
                    self.end_headers()
                    while not outer._closed.is_set():
                        self.wfile.write(b" " * (1 << 16))
                    return
                data = given if isinstance(given, bytes) else json.dumps(given).encode()
                self.send_header("Content-Length", str(len(data)))
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


def fields_of(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a form; of its sound file the length in seconds."""
    form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields: dict[str, Any] = {}
    for part in form.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        if part.get_filename():
            with wave.open(io.BytesIO(data)) as sound:
                fields["bytes"] = len(data)
                fields["seconds"] = sound.getnframes() / sound.getframerate()
                fields["format"] = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
        elif name.endswith("[]"):
            fields.setdefault(name, []).append(data.decode())
        else:
            fields[name] = data.decode()
    return fields
