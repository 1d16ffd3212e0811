"""A server of `/v1/audio/transcriptions` for tests: the protocol over a real socket, and misbehaviour on demand."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from loopback_server import LoopbackServer, Reply


class TranscriptionServer(LoopbackServer):
    """Answers requests for transcriptions.

    Args:
        answer: fields of the request (``seconds`` of its sound among them), its number -> the JSON of the answer; or
            bytes as they are, an HTTP status, ``hang`` to never answer, ``endless`` for bytes without an end; or a
            pair of a status and the JSON of an error.

    Attributes:
        asked: the fields of the requests.
    """

    def __init__(self, answer: Callable[[dict, int], Any]) -> None:
        self.asked: list[dict] = []
        self._answer = answer
        super().__init__()

    def reply(self, path, headers, body):
        fields = {"path": path, **fields_of(headers["content-type"], body)}
        with self.lock:
            self.asked.append(fields)
            number = len(self.asked)
        given = self._answer(fields, number)
        if given in ("hang", "endless"):
            return given
        status, given = given if isinstance(given, tuple) else (200, given)
        if isinstance(given, int):
            status, given = given, {"error": {"message": "refused"}}
        return Reply(given if isinstance(given, bytes) else json.dumps(given).encode(), status)


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
