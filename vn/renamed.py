"""Renamed and added settings: files and flags of earlier builds keep working."""

from __future__ import annotations

from typing import Any

RENAMED = {"data.data": "data.folder"}  # dotted key: old -> new
# Settings that earlier builds did not have -> what their runs were made with.
ADDED = {
    **{"model.projector": "linear", "model.narrator": "videonarrator", "model.compile": False},
    **{"model.visual.scope": "clip", "model.visual.frames": 100, "model.visual.pool": False},
    **{"model.start_from": None, "baseline": None, "system": None},
    **{"test.dtype": None, "test.decoding.drafts": "none"},
}


def current_key(key: str) -> str:
    """The current dotted key of a setting.

    >>> current_key("data.data"), current_key("data.workers")
    ('data.folder', 'data.workers')
    """
    return RENAMED.get(key, key)


def with_current_names(settings: Any) -> Any:
    """A configuration with the current names of the settings; anything else is returned unchanged.

    >>> with_current_names({"data": {"data": "data/mine", "workers": 2}})
    {'data': {'folder': 'data/mine', 'workers': 2}}
    """
    for old, new in RENAMED.items():
        *groups, name = old.split(".")
        group = settings
        for part in groups:
            group = group.get(part) if isinstance(group, dict) else None
        if isinstance(group, dict) and name in group:
            renamed = {new.rpartition(".")[2] if key == name else key: value for key, value in group.items()}
            group.clear()
            group.update(renamed)
    return settings
