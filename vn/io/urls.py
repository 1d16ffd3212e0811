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
        InputError: a part of the URL is wrong. The message has nothing that may be a password.
    """
    if not is_url(place):
        return place
    scheme, _, rest = place.partition("://")
    shown = f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2])[0]}"
    try:
        parts = urlsplit(place)
        parts.port  # noqa: B018 (refuses what is not a port)
    except ValueError:
        message = "is not a URL: its host or port is wrong; special characters of a user and password are written as"
        raise InputError(f"{message} %2F for / and %23 for #", file=shown) from None
    host = parts.netloc.rpartition("@")[2]
    if not host:
        if scheme.lower() in SCHEMES:
            raise InputError("names no host or bucket", file=shown)
        return place
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
            out.append(f"{key}={recorded_arguments([value])[0]}")
        elif arg.lstrip()[:1] in ("{", "["):  # settings as JSON or YAML
            out.append(_IN_TEXT.sub(lambda url: recorded(url[0]), arg))
        else:
            out.append(recorded(arg))
    return out


_IN_TEXT = re.compile(
    r"""(?<=")[A-Za-z][\w+.-]*://[^"]*|(?<=')[A-Za-z][\w+.-]*://[^']*|\b[A-Za-z][\w+.-]*://[^\s,\]}]*"""
)
OTHER_URLS = ("--judge-url",)  # endpoints, not folders: they are used as they are given
