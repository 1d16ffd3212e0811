"""Times as people write them: ``12.5``, ``1:05``, ``01:05.250``, ``1:02:03,5``."""

from __future__ import annotations

import re

TIME = r"(?:\d{1,3}:)?\d{1,4}:[0-5]?\d(?:[.,]\d{1,6})?"
_PARTS = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,4}):)?(\d{1,7})(?:[.,](\d{1,6}))?")


def seconds_of(text: str) -> float | None:
    """Read a time.

    >>> seconds_of("1:05"), seconds_of("01:02:03,5"), seconds_of("7.25"), seconds_of("1:75")
    (65.0, 3723.5, 7.25, None)

    Args:
        text: hours, minutes and seconds separated by colons; hours and minutes may be left out, and the seconds may
            have a fraction after a full stop or a comma.

    Returns:
        Seconds, or None if the text is not a time.
    """
    match = _PARTS.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    if minutes is not None and (int(seconds) > 59 or len(seconds) > 2):
        return None
    if hours is not None and int(minutes) > 59:
        return None
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    return whole + float(f"0.{fraction}") if fraction else float(whole)
