"""What only the command line of this call may name: a ``module:Name`` to import, an adapter to fetch from the hub.

A configuration, a run's ``config.yaml`` and the parameters of a sweep's point come from elsewhere: they name what is
installed, and paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from vn.errors import InputError
from vn.hub import on_hub
from vn.parts import Part, module_name
from vn.plugins import flag_values, refusal

KEYS: dict[str, Part] = {f"model.{part}": part for part in get_args(Part)}
ADAPTER = "adapter"


def check_named_here(
    settings: Mapping[str, Any], args: Sequence[str], file_of: Callable[[str], str | Path | None]
) -> None:
    """Raise if a setting is one that only this call may name so, and the call does not.

    Args:
        settings: dotted key -> value, as parsed.
        args: the command line, without what configurations and parameters say.
        file_of: gives the file that sets a key.

    Raises:
        InputError: with what to do.
    """
    for key in (*KEYS, ADAPTER):
        if settings.get(key) not in flag_values(args, [f"--{key}"]):
            refuse(key, settings.get(key), file_of(key))


def refuse(key: str, value: Any, file: str | Path | None) -> None:
    """Raise if only this call may name a value so.

    Args:
        key: dotted key of the setting.
        value: its value.
        file: the file that has it.

    Raises:
        InputError: with what to do.
    """
    if not _needs_naming(key, value):
        return
    if key == ADAPTER:
        message = f"nothing is fetched because a file names it; name it in this call: --{key} {value}"
        raise InputError(message, file=file, field=key)
    part = KEYS[key]
    raise refusal(part, module_name(part, value) or value, file, key, how=f"--{key} {value}")


def _needs_naming(key: str, value: Any) -> bool:
    if key == ADAPTER:
        return on_hub(value)
    return key in KEYS and module_name(KEYS[key], value) is not None
