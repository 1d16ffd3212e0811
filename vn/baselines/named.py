"""Which baseline a command line names, and its module."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

from vn.baselines.names import BASELINES
from vn.errors import InputError, did_you_mean

FLAG = "--baseline"


def name_in(words: Sequence[str], positional: bool = True) -> str | None:
    """The baseline that a command line names: its first word, or the value of ``--baseline``; None if it names none.

    >>> name_in(["chat", "--data", "d"]), name_in(["--data=d", "--baseline=chat"]), name_in(["--help"])
    ('chat', 'chat', None)

    Args:
        words: the arguments.
        positional: whether the first word may be the name.

    Raises:
        InputError: it is named twice, or there is no such baseline.
    """
    found = list(words[:1]) if positional and words and not words[0].startswith("-") else []
    found += values_of(words, FLAG)
    if len(found) > 1:
        raise InputError(f"{' and '.join(found)} are named; one run is of one baseline", field=FLAG)
    for name in found:
        check_name(name)
    return found[0] if found else None


def check_name(name: str) -> None:
    """Raise if there is no such baseline."""
    if name not in BASELINES:
        raise InputError(f"no baseline {name!r}{did_you_mean(name, BASELINES)}; there are {', '.join(BASELINES)}")


def values_of(words: Sequence[str], flag: str) -> list[str]:
    """The values that a command line gives to a flag, in their order.

    >>> values_of(["--config", "a.yaml", "--config=b.yaml"], "--config")
    ['a.yaml', 'b.yaml']
    """
    found = []
    for word, after in pairwise([*words, ""]):
        name, equals, value = word.partition("=")
        if name == flag and (equals or after):
            found.append(value if equals else after)
    return found


def module_of(name: str) -> ModuleType:
    """The module of a baseline (see `vn.baselines.names.BASELINES`), imported."""
    return importlib.import_module(BASELINES[name][0])
