"""What is checked before every request: which names the studio answers to, who may use it, and what pages may load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from vn.studio.access import LOOPBACK, Users

Message = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

# Nothing is loaded from elsewhere. Gradio compiles its templates in the browser, hence 'unsafe-eval'.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """An ASGI application around another.

    A page of another site cannot use the studio: its requests name their origin, and a name that it points at this
    machine is none that the studio answers to.

    Args:
        app: the application.
        names: host names that the studio answers to, without ports; None: all, since users need a password.
        users: who may use it; None: everyone who reaches it.
    """

    def __init__(self, app: App, names: tuple[str, ...] | None = LOOPBACK, users: Users | None = None) -> None:
        self.app = app
        self.names = names
        self.users = users

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the studio has no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._refusal(headers)
        if refusal is not None:
            await _answer(send, *refusal)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message.get("headers", ())}
                extra = [(k.encode(), v.encode()) for k, v in ALWAYS.items() if k.encode() not in own]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self.app(scope, receive, guarded)

    def _refusal(self, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Status and sentence of a request that is refused; None if it is not."""
        host = headers.get("host", "")
        if self.names is not None and _without_port(host) not in self.names:
            return 421, "the studio does not answer to this name"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return 403, "pages of other sites cannot use the studio"
        if self.users is not None and not self.users.accept(headers.get("authorization")):
            return 401, "a user name and a password are needed"
        return None


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()


async def _answer(send: Any, status: int, sentence: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *((k.encode(), v.encode()) for k, v in ALWAYS.items())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="vn studio", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{sentence}\n".encode()})
