"""Extensions by name: those of vn, those of installed packages, and a ``module:Name`` that this call names.

A package registers what it adds as an entry point (docs/extending.md):

    [project.entry-points."vn.encoders"]
    colours = "vn_colours.encoder:ColourEncoder"

Which code runs is decided by who installs packages and who types the command, never by a file. Cards, manifests and
stored configurations name built-in extensions and entry points only; a ``module:Name`` in one of them is imported if
the call names it too, and refused otherwise.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from vn.errors import InputError, did_you_mean, show

Kind = Literal["encoder", "reader", "metric", "base_model", "projector", "narrator", "voice"]

GROUPS: dict[Kind, str] = {
    "encoder": "vn.encoders",
    "reader": "vn.readers",
    "metric": "vn.metrics",
    "base_model": "vn.base_models",
    "projector": "vn.projectors",
    "narrator": "vn.narrators",
    "voice": "vn.voices",
}
WORDS: dict[Kind, str] = {"encoder": "frame encoder", "base_model": "loader of base models"}
MODULE_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
PACKAGE = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
GUIDE = "docs/extending.md"


@dataclass(frozen=True, slots=True)
class Extension:
    """Where an extension is, before it is imported.

    Attributes:
        kind: what it extends.
        name: name that it was asked for by.
        target: ``module:Name``.
        package: distribution that registers it; None if it is built in or named by its module.
        version: version of that distribution.
    """

    kind: Kind
    name: str
    target: str
    package: str | None = None
    version: str | None = None

    def load(self) -> Any:
        """Import it.

        Raises:
            InputError: another's module cannot be imported, or has nothing of that name.
            ImportError: a built-in one needs a library that is not installed.
        """
        if self.package is None and self.name != self.target:
            return _import(self.target)
        if self.package is None:
            _import_from_here()
        try:
            return _import(self.target)
        except InputError:
            raise
        except Exception as error:  # another's module may raise anything while it is imported
            package = f" (package {self.package})" if self.package else ""
            what = f"the {word(self.kind)} {self.name!r}{package} cannot be imported"
            raise InputError(f"{what}: {type(error).__name__}: {error}") from error


def word(kind: Kind) -> str:
    """The kind in a message."""
    return WORDS.get(kind, kind)


def is_module_name(name: str) -> bool:
    """Whether a name has the form ``module:Name``."""
    return MODULE_NAME.fullmatch(name) is not None


def resolve(
    kind: Kind,
    name: str,
    built_in: Mapping[str, str],
    *,
    allow_import: bool = False,
    package: str | None = None,
    file: str | Path | None = None,
    field: str | None = None,
) -> Extension:
    """Find an extension by name; nothing is imported.

    Args:
        kind: what it extends.
        name: a built-in name, an entry point, or ``module:Name``.
        built_in: the built-in ones: name -> ``module:Name``. They come first: a package cannot replace them.
        allow_import: whether ``module:Name`` may be imported, because this call names it.
        package: distribution that a stored name is from; None if it is unknown.
        file: the file that names it; None if this call does.
        field: the field or flag that names it.

    Raises:
        InputError: there is none, several packages have it, its package is not installed, or it is a ``module:Name``
            that only a file names.
    """
    what = f"{word(kind)} {name!r}"
    if name in built_in:
        return Extension(kind, name, built_in[name])
    found = [point for point in installed(kind) if point.name == name]
    if package is not None:
        if not PACKAGE.fullmatch(package):
            raise InputError(f"{show(package)} is not the name of a package", file=file, field=field)
        found = [point for point in found if point.dist and _same(point.dist.name, package)]
        if not found:
            message = f"names the {what} of the package {package}, which is not installed here: pip install {package}"
            raise InputError(message, file=file, field=field)
    if len(found) > 1:
        packages = ", ".join(sorted(point.dist.name for point in found if point.dist))
        raise InputError(f"several packages have the {what}: {packages}; uninstall one", file=file, field=field)
    if found:
        dist, target = found[0].dist, f"{found[0].module}:{found[0].attr}"
        return Extension(kind, name, target, dist.name if dist else None, dist.version if dist else None)
    if is_module_name(name):
        if allow_import:
            return Extension(kind, name, name)
        raise refusal(kind, name, file, field, f"--import {name}")
    known = [*built_in, *sorted({point.name for point in installed(kind)})]
    there = [*known, f"what packages register as {GROUPS[kind]}", *(["module:Name"] if allow_import else [])]
    raise InputError(f"no {what}{did_you_mean(name, known)}; there are {', '.join(there)}", file=file, field=field)


def refusal(kind: Kind, name: str, file: str | Path | None, field: str | None, how: str) -> InputError:
    """Why a ``module:Name`` that only a file names is not imported, and what to do.

    Args:
        kind: what it extends.
        name: the ``module:Name``.
        file: the file that names it.
        field: the field that names it.
        how: flag and value by which this call would name it.
    """
    message = (
        f"names the {word(kind)} {name!r} by its module, and no module is imported because a file names it: install a "
        f"package that registers it as {GROUPS[kind]} ({GUIDE}), or name it in this call: {how}"
    )
    return InputError(message, file=file, field=field)


def installed(kind: Kind) -> list[EntryPoint]:
    """The entry points of a kind, of all installed packages."""
    return list(entry_points(group=GROUPS[kind]))


def add_import_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--import``, by which a call names each ``module:Name`` that it allows to be imported."""
    parser.add_argument(
        "--import",
        dest="imports",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="a part that the adapter names by its module, and that may be imported (repeatable)",
    )


def flag_values(argv: Sequence[str], flags: Iterable[str]) -> set[str]:
    """The values that a command line gives to flags, as ``--flag value`` or ``--flag=value``.

    Example:
        >>> sorted(flag_values(["fit", "--a", "x:Y", "--b=z"], ["--a", "--b"]))
        ['x:Y', 'z']
    """
    wanted = set(flags)
    after = {value for flag, value in pairwise(argv) if flag in wanted}
    return after | {value for flag, equals, value in (arg.partition("=") for arg in argv) if equals and flag in wanted}


def _import(target: str) -> Any:
    module, _, attributes = target.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def _import_from_here() -> None:
    """Let modules of the current folder be found, after all that is installed; ``python -m`` does so too."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def _same(one: str, other: str) -> bool:
    """Whether two names are of one distribution: case, ``-``, ``_`` and ``.`` do not tell them apart."""
    one, other = (re.sub(r"[-_.]+", "-", name).lower() for name in (one, other))
    return one == other
