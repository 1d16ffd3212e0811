"""A web server on loopback that serves a folder by ranges, and fails as a test's script says."""

from __future__ import annotations

import base64
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request: its number from 0, method, file name and range (None: the whole file)."""

    number: int
    method: str
    name: str
    range: tuple[int, int] | None


@dataclass(frozen=True)
class Fault:
    """What goes wrong with an answer.

    Attributes:
        status: sent instead of the file.
        headers: sent besides.
        cut: send only this share of the body, then close the connection.
        pause: seconds before each of the body's pieces.
        piece: bytes of a piece.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: float | None = None
    pause: float = 0.0
    piece: int = 1 << 16


class RangeServer:
    """Serves a folder at `url`.

    Args:
        folder: what is served.
        ranges: whether Range is honoured; if not, the whole file is sent with 200.
        fault: what goes wrong with a request; None: nothing.
        user: "user:password" that requests must have.
        signature: value that the query's ``sig`` must have.

    Attributes:
        asked: the requests so far.
    """

    def __init__(
        self,
        folder: Path,
        ranges: bool = True,
        fault: Callable[[Asked], Fault | None] = lambda asked: None,
        user: str | None = None,
        signature: str | None = None,
    ) -> None:
        self.folder = folder
        self.ranges = ranges
        self.fault = fault
        self.user = user
        self.signature = signature
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> RangeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def shards_asked(self) -> list[Asked]:
        """The requests for shards so far."""
        return [asked for asked in self.asked if asked.name.endswith(".tar")]

    def _allowed(self, handler: BaseHTTPRequestHandler) -> bool:
        if self.user is not None:
            known = "Basic " + base64.b64encode(self.user.encode()).decode()
            if handler.headers.get("Authorization") != known:
                return False
        query = parse_qs(urlsplit(handler.path).query)
        return self.signature is None or query.get("sig") == [self.signature]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = unquote(urlsplit(handler.path).path).lstrip("/")
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        wanted = (int(match[1]), int(match[2] or sys.maxsize) + 1) if match else None  # browsers leave the end open
        with self._lock:
            asked = Asked(len(self.asked), handler.command, name, wanted)
            self.asked.append(asked)
        fault = self.fault(asked) or Fault()
        file = self.folder / name
        if not self._allowed(handler):
            return _send(handler, 403)
        if fault.status is not None:
            return _send(handler, fault.status, headers=fault.headers)
        if not file.is_file():
            return _send(handler, 404)
        data = file.read_bytes()
        headers = dict(fault.headers)
        status = 200
        if wanted and self.ranges:
            start, end = wanted[0], min(wanted[1], len(data))
            if start >= len(data):
                return _send(handler, 416, headers={"Content-Range": f"bytes */{len(data)}"})
            headers.setdefault("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            data, status = data[start:end], 206
        _send(handler, status, data, headers, fault)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    data: bytes = b"",
    headers: dict[str, str] | None = None,
    fault: Fault | None = None,
) -> None:
    fault = fault or Fault()
    try:
        handler.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        body = data if fault.cut is None else data[: int(len(data) * fault.cut)]
        for start in range(0, len(body), fault.piece):
            time.sleep(fault.pause)
            handler.wfile.write(body[start : start + fault.piece])
            handler.wfile.flush()
        if fault.cut is not None:
            handler.close_connection = True
    except OSError:  # the client has gone
        handler.close_connection = True
