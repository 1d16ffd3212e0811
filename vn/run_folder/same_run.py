"""Whether a configuration is that of the run in a folder, so that the run may be continued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vn.errors import InputError, show
from vn.run_paths import same_place


def refuse_difference(
    file: Path, before: Mapping[str, Any], now: Mapping[str, Any], free: Callable[[str], bool], way_out: str
) -> None:
    """Raise if a run would be continued with another configuration.

    Args:
        file: the run's ``config.yaml``.
        before: its settings, dotted key -> value.
        now: the current settings, likewise.
        free: whether a setting changes no result, so that it may differ.
        way_out: what to do, for the message.

    Raises:
        InputError: a setting differs and changes results; names the first one.
    """
    for key in sorted({*before, *now}):
        values = before.get(key), now.get(key)
        if not free(key) and values[0] != values[1] and not same_place(key, values[0], file, values[1]):
            message = f"this run folder has {show(values[0])}, but it is now {show(values[1])}"
            raise InputError(f"{message}; {way_out}", file=file, field=key)


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted key.

    >>> flat({"data": {"folder": "mine", "limit": None}})
    {'data.folder': 'mine', 'data.limit': None}
    """
    if not isinstance(tree, dict) or not tree:
        return {prefix: tree}
    return {
        k: v for name, sub in tree.items() for k, v in flat(sub, f"{prefix}.{name}" if prefix else str(name)).items()
    }
