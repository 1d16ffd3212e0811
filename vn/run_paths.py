"""The folders that a run's ``config.yaml`` names, found when they have moved together with the run.

The configuration keeps them as they were given. Its last line, a comment, has their paths relative to the run folder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from vn.errors import InputError
from vn.io.files import read_text, read_yaml
from vn.io.paths import find, relative, tried
from vn.io.remote import Folder, open_folder
from vn.io.urls import is_url
from vn.renamed import current_key, with_current_names

PATHS = ("data.folder", "model.base_model", "model.template", "model.start_from", "adapter")
MARK = "# from this folder: "


def with_relative_paths(text: str, folder: Path) -> str:
    """A configuration's text with the relative paths of the folders that it names.

    Args:
        text: YAML.
        folder: the run's folder.
    """
    settings = yaml.safe_load(text)
    given = {key: _value(settings, key) for key in PATHS}
    ways = {key: relative(path, folder) for key, path in given.items() if path and Path(path).exists()}
    return f"{text}{MARK}{json.dumps(ways, ensure_ascii=False)}\n" if ways else text


def run_path(file: Path, key: str) -> Path | None:
    """The current path of what a run's ``config.yaml`` names, if it exists."""
    return find(_names(file, key), file.parent)


def run_data(file: Path) -> Folder | None:
    """The data folder that a run's ``config.yaml`` names: a path that exists, or a URL."""
    given = _names(file, "data.folder")[-1]
    return open_folder(given) if given and is_url(given) else run_path(file, "data.folder")


def moved(file: Path) -> dict[str, str]:
    """The folders of a configuration that are found at another path than it states: dotted key -> path."""
    found = {}
    for key in PATHS:
        names = _names(file, key)
        place = find(names, file.parent)
        if place is not None and not (names[-1] and _same(names[-1], str(place))):
            found[key] = str(place)
    return found


def check_data(file: Path) -> None:
    """Raise if the data of a run are not found."""
    names = _names(file, "data.folder")
    if names[-1] and not is_url(names[-1]) and find(names, file.parent) is None:
        message = f"the data are not found ({tried(names, file.parent)}); give their path with --data.folder"
        raise InputError(message, file=file, field="data.folder")


def same_place(key: str, old: Any, file: Path, new: Any) -> bool:
    """Whether a setting of a run and a new one are the same folder."""
    if key not in PATHS or not isinstance(old, str) or not isinstance(new, str):
        return False
    place = run_path(file, key)
    return place is not None and _same(str(place), new)


def _value(settings: Any, key: str) -> str | None:
    for name in key.split("."):
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings if isinstance(settings, str) else None


def _names(file: Path, key: str) -> list[str | None]:
    """The path relative to the run folder, if it is recorded, and the path as it was given."""
    given = _value(with_current_names(read_yaml(file)), key) if file.is_file() else None
    lines = read_text(file).rstrip().rsplit("\n", 1) if given else [""]
    if not lines[-1].startswith(MARK):
        return [given]
    try:
        ways = json.loads(lines[-1].removeprefix(MARK))
    except ValueError:
        ways = None
    way = {current_key(k): v for k, v in ways.items()}.get(key) if isinstance(ways, dict) else None
    return [way if isinstance(way, str) else None, given]


def _same(one: str, other: str) -> bool:
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)
