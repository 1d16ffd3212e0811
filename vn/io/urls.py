"""URLs without their secrets: a user, a password and a signed query are used, but never recorded or shown.

``https://ann:pw@host/data?sig=x`` is ``https://host/data`` in configurations, manifests, messages, cache names and
loggers. What was taken off is kept in the process's environment (`vn.environment.remember_url`), from which the other
ranks of a run and the points of a sweep inherit it.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from vn.environment import remember_url, remembered_urls
from vn.errors import InputError

SCHEMES = ("s3", "http", "https", "gs", "hf")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_url(place: object) -> bool:
    """Whether a place is a URL; every other one is a path."""
    return isinstance(place, str) and _SCHEME.match(place) is not None


def recorded(place: str) -> str:
    """A place as it may be recorded; what a URL has besides is remembered, for `given`.

    >>> recorded("https://ann:pw@host/data/?sig=x"), recorded("data/mine")
    ('https://host/data', 'data/mine')

    Raises:
        InputError: a part of the URL is wrong.
    """
    if not is_url(place):
        return place
    try:
        parts = urlsplit(place)
        parts.port  # noqa: B018 (refuses what is not a port)
    except ValueError as error:
        raise InputError(f"is not a URL: {error}", file=place) from None
    host = parts.netloc.rpartition("@")[2]
    clean = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    if parts.query or parts.fragment or host != parts.netloc:
        remember_url(clean, place)
    return clean


def given(place: str) -> str:
    """A recorded URL with the secrets that this process, or the one that started it, was given with it."""
    return remembered_urls().get(place, place)


def recorded_tree(value: Any) -> Any:
    """Parsed YAML or JSON as it may be recorded: its URLs, also those of flags, without their secrets."""
    if isinstance(value, dict):
        return {key: recorded_tree(each) for key, each in value.items()}
    if isinstance(value, list):
        return [recorded_tree(each) for each in value]
    return recorded_arguments([value])[0] if isinstance(value, str) else value


def recorded_arguments(args: list[str]) -> list[str]:
    """A command line as it may be recorded: the URLs of data folders without their secrets."""
    out: list[str] = []
    for arg in args:
        key, equals, value = arg.partition("=")
        if (out and out[-1] in OTHER_URLS) or key in OTHER_URLS:
            out.append(arg)
        elif key.startswith("--") and equals:
            out.append(f"{key}={recorded(value)}")
        else:
            out.append(recorded(arg))
    return out


OTHER_URLS = ("--judge-url",)  # endpoints, not folders: they are used as they are given
