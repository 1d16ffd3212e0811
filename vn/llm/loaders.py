"""Base models by loaders of other packages: ``loader:rest``, such as ``untrained:models/smollm2``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.plugins import Extension, installed, resolve

# An entry point's name, or module:Name, before a colon and what the loader is called with.
BY_MODULE = re.compile(r"(?P<loader>[A-Za-z_][\w.]*:[A-Za-z_][\w.]*):(?P<rest>.+)")
BY_NAME = re.compile(r"(?P<loader>[A-Za-z_][\w.-]*):(?P<rest>.+)")


def loader_of(name: str) -> tuple[str, str] | None:
    """The loader that a base model's name begins with, and the rest; None for a folder, a file or a name on the hub.

    A name that is there as a path is one. Neither a loader nor the rest is checked.
    """
    if name.startswith((".", "/", "~")) or Path(name).exists():
        return None
    by_name = BY_NAME.fullmatch(name)
    if by_name is not None and by_name["loader"] in {point.name for point in installed("base_model")}:
        return by_name["loader"], by_name["rest"]
    match = BY_MODULE.fullmatch(name) or by_name
    return (match["loader"], match["rest"]) if match else None


def check_there(name: str) -> None:
    """Raise if a base model can only be a file or a folder, and there is none.

    Args:
        name: as for `vn.llm.load.load_base`.

    Raises:
        InputError: it is missing.
    """
    if name == "smollm2" or loader_of(name) is not None:
        return
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise InputError("no such file", file=name, field="base_model")
    elif (name.startswith((".", "/", "~")) or name.count("/") != 1) and not path.is_dir():
        raise InputError("no such model folder; `vn demo` makes the tiny one", file=name, field="base_model")


def find_loader(name: str, **stored: Any) -> Extension | None:
    """The loader of a base model; None if it needs none.

    Args:
        name: the base model's name.
        stored: options of `vn.plugins.resolve` for a name that a file has.

    Raises:
        InputError: there is no such loader here.
    """
    found = loader_of(name)
    return None if found is None else resolve("base_model", found[0], {}, **stored)
