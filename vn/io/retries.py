"""Requests that may fail for a while: repeated with growing, random pauses, and not for ever."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from vn.errors import InputError

Result = TypeVar("Result")
logger = logging.getLogger(__name__)
SHOWN = 3  # failures of a request after which a warning says that it is waited for
_shown: list[str] = []  # what that was about, in this process: one warning, since a storm has thousands
_random = random.SystemRandom()  # the seeds of a run are its own


class Unreachable(InputError):
    """A request failed every time: the fault is not in what was asked for."""


class Transient(Exception):
    """A request failed in a way that may pass.

    Args:
        reason: what happened, without a URL.
        after: seconds that the server asks to wait (Retry-After); None if it does not.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request is waited for, and repeated.

    Attributes:
        attempts: how often it is sent at most.
        first: seconds of the first pause; each further one is twice as long.
        longest: seconds of the longest pause, also of one that a server asks for.
        timeout: seconds without a byte after which a connection counts as lost.
        slowest: bytes per second; below that a transfer counts as stuck, after `timeout` seconds.
    """

    attempts: int = 8
    first: float = 0.5
    longest: float = 60.0
    timeout: float = 60.0
    slowest: float = 16e3

    def limit(self, size: int) -> float:
        """Seconds that a transfer of `size` bytes may take."""
        return self.timeout + size / self.slowest

    def pause(self, failed: int, after: float | None) -> float:
        """Seconds to wait after a number of failures: random, so that a thousand readers do not return at once."""
        own: float = min(self.longest, self.first * 2 ** (failed - 1)) * _random.uniform(0.5, 1)
        return own if after is None else max(own, min(after, self.longest))


PATIENCE = Patience()


def retried(request: Callable[[], Result], place: str, patience: Patience | None = None) -> Result:
    """The result of a request, which is sent again as long as it fails with `Transient`.

    Args:
        request: sends it.
        place: what is asked for, named in the error.
        patience: how often; None for the default.

    Raises:
        Unreachable: it failed every time.
    """
    patience = patience or PATIENCE
    began = time.monotonic()
    for failed in range(1, patience.attempts + 1):
        try:
            return request()
        except Transient as error:
            if failed == patience.attempts:
                seconds = time.monotonic() - began
                message = f"cannot be reached: {error} ({failed} attempts in {seconds:.0f} s)"
                raise Unreachable(message, file=place) from None
            if failed == SHOWN and not _shown:
                _shown.append(place)
                logger.warning(
                    "%s: %s; asked again, up to %d times; further such pauses are not shown",
                    place,
                    error,
                    patience.attempts,
                )
            time.sleep(patience.pause(failed, error.after))
    raise AssertionError("at least one attempt")
