"""The experiments, overlays, launch templates and sweeps that come with `vn`, by name or by path."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from vn.errors import InputError, did_you_mean

Kind = Literal["experiments", "sweeps"]


def home(kind: Kind) -> Path:
    """The folder of the shipped files: inside an installed package, beside it in a clone."""
    package = Path(__file__).parent
    return next((folder for folder in (package / kind, package.parent / kind) if folder.is_dir()), package / kind)


def names(kind: Kind) -> list[str]:
    """The names that ``--config`` or ``vn sweep`` take for a shipped file."""
    return sorted(file.stem for file in home(kind).glob("*.yaml"))


def find(kind: Kind, given: str | Path) -> Path:
    """The file that a user names.

    Args:
        kind: which of the two it is.
        given: a path; or a name (``demo``), which means ``KIND/demo.yaml`` here, else the shipped file. A path such as
            ``experiments/demo.yaml`` also means the shipped file if the folder has no such file.

    Returns:
        A path. One that does not exist is returned unchanged: whatever reads it reports the error.

    Raises:
        InputError: it is a name, and there is no such experiment or sweep.
    """
    path = Path(given)
    if path.is_file():
        return path
    is_name = len(path.parts) == 1 and not path.suffix
    inside = Path(f"{path}.yaml") if is_name else path.relative_to(kind) if path.parts[:1] == (kind,) else None
    if inside is None or ".." in inside.parts:
        return path
    found = next((file for file in (Path(kind) / inside, home(kind) / inside) if file.is_file()), None)
    if found is None and is_name and not path.exists():
        known = names(kind)
        hint = did_you_mean(path.name, known)
        raise InputError(f"no such file, and no shipped {kind[:-1]} has this name{hint}: {', '.join(known)}", file=path)
    return found or path
