"""A product as a form: a title, and knowledge as lines ``aspect: point, point``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from vn.errors import InputError, show
from vn.story import Knowledge

COLON = re.compile(r"[:：]")
SEMICOLON = re.compile(r"[;；]")
COMMA = re.compile(r"[,，、]")


def parse_knowledge(text: str) -> list[dict[str, Any]]:
    """Knowledge from lines, as product files have it.

    A line that has a semicolon is split at semicolons, so that points may have commas.

    >>> parse_knowledge("Offer: two for one, today; a bag")
    [{'aspect': 'Offer', 'points': ['two for one, today', 'a bag']}]

    Raises:
        InputError: a line has no colon, no aspect or no point.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        aspect, *rest = COLON.split(line, maxsplit=1)
        points = _points(rest[0]) if rest else []
        if not (aspect.strip() and points):
            message = (
                f"expected an aspect, a colon and points, as in 'Material: steel, glass'; got {show(line.strip())}"
            )
            raise InputError(message, field=f"knowledge, line {number}")
        found.append({"aspect": aspect.strip(), "points": points})
    return found


def knowledge_text(knowledge: Sequence[Knowledge]) -> str:
    """The lines for knowledge; `parse_knowledge` reads them."""
    return "\n".join(f"{each.aspect}: {_joined(each.points)}" for each in knowledge)


def _points(text: str) -> list[str]:
    parts = (SEMICOLON if SEMICOLON.search(text) else COMMA).split(text)
    return [part.strip() for part in parts if part.strip()]


def _joined(points: Sequence[str]) -> str:
    if any(COMMA.search(point) for point in points):
        return "; ".join(points) + (";" if len(points) == 1 else "")
    return ", ".join(points)
