"""What a run was made with: its ``config.yaml`` as settings by dotted name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vn.errors import InputError, show
from vn.io.files import read_yaml
from vn.renamed import ADDED, with_current_names

CONFIG = "config.yaml"


def run_config(file: Path) -> dict[str, Any]:
    """The settings of a configuration, dotted key -> value, by their current names.

    Raises:
        InputError: it cannot be read, or has no settings by name.
    """
    data = read_yaml(file)
    if not isinstance(data, dict):
        raise InputError(f"expected settings by name, got {show(data)}", file=file)
    return {**ADDED, **dict(_flat(with_current_names(data)))}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
