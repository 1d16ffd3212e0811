"""A body that an endpoint sends, read whole, with an end: a server may send bytes for ever."""

from __future__ import annotations

import time
from typing import Any

from vn.errors import InputError


def whole_body(response: Any, largest: int, seconds: float, name: str) -> bytes:
    """Read the body of a response that is streamed.

    Args:
        response: what ``with_streaming_response`` gives.
        largest: bytes that it may have.
        seconds: how long it may take.
        name: who sends it, for messages.

    Raises:
        InputError: it does not end.
        openai.OpenAIError: the connection was lost.
    """
    import openai

    end = time.monotonic() + seconds
    data = bytearray()
    try:
        for piece in response.iter_bytes():
            data += piece
            if len(data) > largest or time.monotonic() > end:
                raise InputError(f"{name} does not end: {len(data)} bytes in {seconds:g} s at most")
    except (InputError, openai.OpenAIError):
        raise
    except Exception as error:  # those of the HTTP library, which the client hands on while it reads
        raise openai.APIConnectionError(message=str(error), request=response.http_request) from None
    return bytes(data)
