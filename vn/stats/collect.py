"""The statistics of a data source: all its stories once, and none of them kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vn.data.splits import SPLITS
from vn.errors import InputError
from vn.stats.measure import Tally
from vn.stats.source import UNASSIGNED, DataSource, Found

STAGES = "stages"  # the folder of what ``vn annotate`` has found so far


def collect(source: DataSource, name: str) -> dict[str, Any]:
    """Count a source's stories, per split and in all.

    Args:
        source: from `vn.stats.source.open_source`.
        name: what tables call it.

    Returns:
        JSON with ``name``, ``path``, ``kind``, ``splits`` (``all`` first; a single split is not repeated), ``bad``,
        ``empty``, ``warnings`` and ``first_warning``.

    Raises:
        InputError: there is no story, an id appears twice, or the source itself cannot be read.
    """
    found, whole, splits = Found(), Tally(), dict[str, Tally]()
    count = 0
    for split, story in source.read(found):
        whole.add(story)
        splits.setdefault(split, Tally()).add(story)
        count += 1
    if not count and not found.bad:
        begun = (Path(source.path) / STAGES).is_dir()
        raise InputError(f"has no stories{': vn annotate has not written them yet' if begun else ''}", file=source.path)
    named = [split for split in (*SPLITS, UNASSIGNED) if split in splits]
    per_split = {split: splits[split].to_dict() for split in named} if len(named) > 1 or found.empty else {}
    return {
        "name": name,
        "path": source.path,
        "kind": source.kind,
        "splits": {"all": whole.to_dict(), **per_split},
        "bad": [str(error) for error in found.bad],
        "empty": found.empty,
        "warnings": len(found.findings),
        "first_warning": found.findings.lines[0] if found.findings.lines else None,
    }


def names_of(paths: Sequence[str]) -> list[str]:
    """Short names: the ends of paths, as long as it takes for no two to be the same; a path named twice is numbered.

    >>> names_of(["a/data/shards", "b/data/shards", "c/mine.json"])
    ['a/data/shards', 'b/data/shards', 'mine.json']
    """
    parts = [[part for part in re.split(r"[/\\\\]+", path) if part not in ("", ".")] or [path] for path in paths]
    names = []
    for number, own in enumerate(parts):
        others = parts[:number] + parts[number + 1 :]
        lengths = range(1, len(own) + 1)
        size = next((n for n in lengths if not any(own[-n:] == other[-n:] for other in others)), len(own))
        name = "/".join(own[-size:])
        names.append(name if name not in names else f"{name} ({number + 1})")
    return names
