"""Checks format strings that a user may write: only known names in braces, and nothing else in them."""

from __future__ import annotations

import string
from collections.abc import Collection
from pathlib import Path

from vn.errors import InputError


def check_braces(text: str, names: Collection[str], file: str | Path, field: str) -> set[str]:
    """Check a format string.

    Args:
        text: the format string.
        names: the names that braces may hold.
        file: named in errors.
        field: named in errors.

    Returns:
        The names that are used.

    Raises:
        InputError: braces that do not match, another name, or more than a name in braces.
    """
    try:
        used = [parts for parts in string.Formatter().parse(text) if parts[1] is not None]
    except ValueError as error:
        raise InputError(f"bad braces: {error}", file=file, field=field) from None
    for _, name, width, conversion in used:
        if name not in names:
            allowed = ", ".join("{" + n + "}" for n in names) or "none"
            raise InputError(f"unknown name {{{name}}}; allowed here: {allowed}", file=file, field=field)
        if width or conversion:
            raise InputError(f"only the name is allowed in braces: {{{name}}}", file=file, field=field)
    return {str(name) for _, name, _, _ in used}
