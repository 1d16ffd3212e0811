"""Revisions of built-in encoders: the same features by another computation, which gives them other last bits.

A revision is part of an encoder's id, so whatever refuses another encoder refuses another revision. In a call, a name
without revision is the newest one; in a manifest, a card or a stored configuration it is the first one, as written
before there were others, and stays available.
"""

from __future__ import annotations

NEWEST = {"efficientnet-lite0": "efficientnet-lite0@2"}
FIRST = {"efficientnet-lite0": "efficientnet-lite0@1"}


def newest(name: str) -> str:
    """The encoder that a call means by a name.

    Example:
        >>> newest("efficientnet-lite0"), newest("efficientnet-lite0@1")
        ('efficientnet-lite0@2', 'efficientnet-lite0@1')
    """
    return NEWEST.get(name, name)


def stored(identity: str) -> str:
    """The encoder that a file means by an id."""
    return FIRST.get(identity, identity)
