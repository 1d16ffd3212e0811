"""A folder behind a web server: read by ranges, never written."""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, BinaryIO, NoReturn
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from vn.errors import InputError
from vn.io.retries import PATIENCE, Patience, Transient
from vn.io.stores import PIECE, MissingFile, WholeFile, too_large, too_short

PASSING = (408, 425, 429, 500, 502, 503, 504)
GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)


class HttpStore:
    """Files below a URL.

    Args:
        url: the folder's URL, with its user, password and query: the query is sent with every file.
        name: the same without them, for messages.
        patience: timeouts; None for the default.
    """

    def __init__(self, url: str, name: str, patience: Patience | None = None) -> None:
        self._parts = urlsplit(url)
        self._name = name
        self._patience = patience
        self._sessions = _Sessions()

    def read(self, name: str, start: int, size: int) -> bytes:
        """See `Store.read`: the answer must be 206, of this range and of this length."""
        place = f"{self._name}/{name}"
        with self._get(name, {"Range": f"bytes={start}-{start + size - 1}"}) as answer:
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise too_short(place, start, size)
            if answer.status_code == HTTPStatus.OK:
                raise WholeFile
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                raise InputError(f"the server answers {_status(answer)}", file=place)
            sent = answer.headers.get("Content-Range", "")
            if not sent.startswith(f"bytes {start}-"):
                raise InputError(f"asked for bytes from {start}, the server sends {sent or 'no range'}", file=place)
            if not sent.startswith(f"bytes {start}-{start + size - 1}/"):
                raise too_short(place, start, size)
            data = bytearray()
            for piece in self._body(answer):
                data += piece
                if len(data) > size:
                    raise InputError(f"the server sends more than the {size} bytes of the range", file=place)
        if len(data) != size:
            raise Transient(f"the connection was cut after {len(data)} of {size} bytes")
        return bytes(data)

    def download(self, name: str, file: BinaryIO, most: int) -> None:
        """See `Store.download`."""
        place = f"{self._name}/{name}"
        file.seek(0)
        file.truncate()
        with self._get(name, {}) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise InputError(f"the server answers {_status(answer)}", file=place)
            length = _length(answer)
            if length is not None and length > most:
                raise too_large(place, most)
            for piece in self._body(answer):
                file.write(piece)
                if file.tell() > most:
                    raise too_large(place, most)
        if length is not None and file.tell() != length:
            raise Transient(f"the connection was cut after {file.tell()} of {length} bytes")

    def size(self, name: str) -> int | None:
        """See `Store.size`."""
        with self._answer("HEAD", name, {}) as answer:
            if answer.status_code in GONE:
                return None
            self._refuse(answer, name)
            if answer.status_code != HTTPStatus.OK:
                raise InputError(f"the server answers {_status(answer)}", file=f"{self._name}/{name}")
            return _length(answer) or 0

    def names(self, folder: str) -> list[str]:
        """A web server lists no files."""
        self._read_only()

    def write(self, name: str, data: bytes, new: bool) -> bool:
        """Not possible."""
        self._read_only()

    def upload(self, name: str, path: str) -> None:
        """Not possible."""
        self._read_only()

    def remove(self, name: str) -> None:
        """Not possible."""
        self._read_only()

    def _read_only(self) -> NoReturn:
        message = "a folder behind a web server can only be read; write to a path or to s3://, and serve that"
        raise InputError(message, file=self._name)

    def _url(self, name: str) -> str:
        host = self._parts.netloc.rpartition("@")[2]
        path = f"{self._parts.path.rstrip('/')}/{quote(name)}"
        return urlunsplit((self._parts.scheme, host, path, self._parts.query, ""))

    @contextmanager
    def _get(self, name: str, headers: dict[str, str]) -> Iterator[Any]:
        with self._answer("GET", name, headers) as answer:
            self._refuse(answer, name)
            yield answer

    @contextmanager
    def _answer(self, method: str, name: str, headers: dict[str, str]) -> Iterator[Any]:
        """An answer whose body is not read yet."""
        import requests

        patience, parts = self._patience or PATIENCE, self._parts
        user = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        try:
            answer = self._sessions.mine().request(
                method,
                self._url(name),
                headers={**_PLAIN, **headers},
                auth=user,
                stream=True,
                timeout=patience.timeout,
                allow_redirects=True,
            )
        except requests.exceptions.TooManyRedirects:
            raise InputError("the server redirects in a circle", file=f"{self._name}/{name}") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise InputError("is not a URL that can be asked for", file=f"{self._name}/{name}") from None
        except requests.RequestException as error:
            if _is_refused_certificate(error):
                raise InputError("the server's certificate is not accepted", file=f"{self._name}/{name}") from None
            raise Transient(_why(error)) from None
        with answer:
            yield answer

    def _refuse(self, answer: Any, name: str) -> None:
        status, place = answer.status_code, f"{self._name}/{name}"
        if status in PASSING:
            raise Transient(f"the server answers {_status(answer)}", _retry_after(answer))
        if status in GONE:
            raise MissingFile("no such file", file=place)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            message = f"the server answers {_status(answer)}: give a URL with a user and password, or newly signed"
            raise InputError(message, file=place)

    def _body(self, answer: Any) -> Iterator[bytes]:
        """The body in pieces as they arrive; one that arrives too slowly is given up."""
        import urllib3

        patience = self._patience or PATIENCE
        began, arrived = time.monotonic(), 0
        try:
            while piece := answer.raw.read1(PIECE):
                arrived += len(piece)
                yield piece
                seconds = time.monotonic() - began
                if seconds > patience.limit(arrived):
                    raise Transient(f"the server sends too slowly: {arrived} bytes in {seconds:.0f} s")
        except urllib3.exceptions.ReadTimeoutError:
            raise Transient("the server stopped sending") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Transient(f"the connection was cut ({type(error).__name__})") from None


_PLAIN = {"Accept-Encoding": "identity"}  # a range of a compressed body would be of no use


class _Sessions(threading.local):
    """A session per thread and process: connections are kept open, and not shared with a forked worker."""

    def __init__(self) -> None:
        self._of: int | None = None
        self._session: Any = None

    def mine(self) -> Any:
        if self._of != os.getpid():
            import requests

            self._session, self._of = requests.Session(), os.getpid()
        return self._session

    def __reduce__(self) -> tuple[type[_Sessions], tuple[()]]:
        return _Sessions, ()


def _status(answer: Any) -> str:
    return f"{answer.status_code} {answer.reason}".strip()


def _length(answer: Any) -> int | None:
    """Bytes of the body, as far as the server states them."""
    value = answer.headers.get("Content-Length", "")
    return int(value) if value.isdecimal() else None


def _is_refused_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _why(error: Exception) -> str:
    """A failure in a few words: those of the library hold the URL."""
    import requests

    if isinstance(error, requests.Timeout):
        return "the server does not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the encrypted connection failed"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "the connection failed"


def _retry_after(answer: Any) -> float | None:
    """Seconds of a Retry-After header, which has seconds or a date."""
    value = answer.headers.get("Retry-After")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
