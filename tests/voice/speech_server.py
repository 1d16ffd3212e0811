"""A server of `/v1/audio/speech` for tests: it speaks the protocol over a real socket, and misbehaves on demand."""

from __future__ import annotations

import json
from collections.abc import Callable

from loopback_server import LoopbackServer, Reply


class SpeechServer(LoopbackServer):
    """Answers requests for speech.

    Args:
        answer: body of the request, its number -> the bytes of a WAV file; or an HTTP status; or ``endless`` for bytes
            without an end, ``cut`` for fewer bytes than it announces, ``hang`` to never answer.

    Attributes:
        bodies: the bodies of the requests, with their paths.
    """

    def __init__(self, answer: Callable[[dict, int], bytes | int | str]) -> None:
        self.bodies: list[dict] = []
        self._answer = answer
        super().__init__()

    def reply(self, path, headers, body):
        asked = json.loads(body)
        with self.lock:
            self.bodies.append(asked | {"path": path})
            number = len(self.bodies)
        given = self._answer(asked, number)
        if given in ("hang", "endless"):
            return given
        data = given if isinstance(given, bytes) else b'{"error": {"message": "refused"}}'
        status, missing = given if isinstance(given, int) else 200, 5000 * (given == "cut")
        return Reply(data, status, {"Content-Type": "audio/wav"}, missing)
