"""Who may use the studio: everyone on this machine, or users with a password from a file."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vn.errors import InputError
from vn.io.files import read_text

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Users:
    """Users and their passwords; kept out of messages and logs.

    Attributes:
        passwords: user -> password.
    """

    passwords: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Users({len(self.passwords)})"

    def accept(self, header: str | None) -> bool:
        """Whether the ``Authorization`` header of a request has the password of one of the users.

        Every user is compared in full, so that the time does not tell what was right.
        """
        kind, _, coded = (header or "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            given = base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError):
            return False
        found = False
        for user, password in self.passwords.items():
            found |= secrets.compare_digest(given, f"{user}:{password}".encode())
        return found


def read_users(file: Path) -> Users:
    """Read a file with a line ``user:password`` per user.

    Raises:
        InputError: others may read the file, or a line is not like this.
    """
    text = read_text(file)
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError("others may read this file of passwords; chmod 600 it", file=file, field="--auth")
    passwords: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        user, colon, password = line.partition(":")
        if not (colon and user.strip() and password):
            raise InputError("expected user:password", file=file, field=f"line {number}")
        if user in passwords:
            raise InputError("names a user a second time", file=file, field=f"line {number}")
        passwords[user] = password
    if not passwords:
        raise InputError("names no user; write a line user:password for each", file=file, field="--auth")
    return Users(passwords)


def check_host(host: str, auth: Path | None) -> None:
    """Raise if others could reach the studio without a password.

    Raises:
        InputError: the host is not this machine's own address, and there is no file of passwords.
    """
    if auth is None and not is_loopback(host):
        message = f"on {host} others can reach the studio; give --auth FILE with a line user:password for each user"
        raise InputError(message, field="--host")


def names_of(host: str) -> tuple[str, ...] | None:
    """The names that the studio answers to at an address; None: all, since users need a password there.

    >>> names_of("127.0.0.2")
    ('localhost', '127.0.0.1', '[::1]', '127.0.0.2')
    """
    return (*LOOPBACK, f"[{host}]" if ":" in host else host) if is_loopback(host) else None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
