"""Prompts in YAML files: a few fields, each of a type."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean, show
from vn.io.files import parse_yaml, read_text

NAMES = {str: "a text", int: "a whole number of 1 or more", dict: "texts by name"}


def read_prompt(file: Path, fields: Mapping[str, type]) -> tuple[dict[str, Any], str]:
    """The fields of a prompt file, and its hash.

    Args:
        file: a YAML file.
        fields: every field that it must have, and its type: a text, a number, or texts by name.

    Raises:
        InputError: a field is missing, unknown or of another type.
    """
    text = read_text(file)
    values = parse_yaml(text, file)
    if not isinstance(values, dict):
        raise InputError(f"expected fields, got {show(values)}", file=file)
    for name in values:
        if name not in fields:
            raise InputError(f"is not a field{did_you_mean(str(name), fields)}", file=file, field=str(name))
    for name, kind in fields.items():
        value = values.get(name)
        if not _fits(value, kind):
            raise InputError(f"expected {NAMES[kind]}, got {show(value)}", file=file, field=name)
    return values, hashlib.sha256(text.encode()).hexdigest()


def _fits(value: Any, kind: type) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if kind is dict:
        return isinstance(value, dict) and all(isinstance(x, str) for pair in value.items() for x in pair)
    return isinstance(value, str) and bool(value.strip())
