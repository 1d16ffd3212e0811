"""Which videos are in which batch: kept in ``batches.json``, so that a page written again has the same videos."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from vn.errors import InputError, show
from vn.io.atomic import write_text
from vn.io.files import read_json

FILE = "batches.json"
Batches = Mapping[str, Sequence[str]]


def batches_of(folder: Path, videos: Sequence[str], size: int) -> dict[str, list[str]]:
    """The batches of all videos: those that were written before keep theirs, new videos are put into new ones.

    Otherwise a file that a reviewer saved as ``batch-001.ANN.json`` could be replaced by one about other videos.

    Args:
        folder: the folder of the pages.
        videos: ids of all videos, in the order in which new ones are put into batches.
        size: videos per batch.

    Returns:
        Name -> ids of its videos; videos of earlier batches stay in them even if they are gone now, so that no name
        is used for other videos.

    Raises:
        InputError: ``batches.json`` is not as it was written.
    """
    found = read_batches(folder)
    placed = {video for own in found.values() for video in own}
    new = [video for video in videos if video not in placed]
    last = max((int(name.removeprefix("batch-")) for name in found), default=0)
    for n, at in enumerate(range(0, len(new), size), last + 1):
        found[f"batch-{n:03}"] = new[at : at + size]
    return found


def read_batches(folder: Path) -> dict[str, list[str]]:
    """The batches of the pages in a folder; none if no page was written there."""
    file = folder / FILE
    if not file.exists():
        return {}
    data = read_json(file)
    if not isinstance(data, dict):
        raise InputError(f"expected batches by name, got {show(data)}", file=file)
    for name, own in data.items():
        number = name.removeprefix("batch-")
        if not (name.startswith("batch-") and number.isascii() and number.isdecimal()):
            raise InputError(f"expected a name as batch-001, got {show(name)}", file=file)
        if not isinstance(own, list) or not all(isinstance(video, str) for video in own):
            raise InputError(f"expected ids of videos, got {show(own)}", file=file, field=name)
    return data


def write_batches(folder: Path, batches: Batches) -> None:
    """Keep the batches for the next time."""
    write_text(folder / FILE, json.dumps(batches, ensure_ascii=False, indent=1) + "\n")
