"""The files that rating pages save, checked one by one and gathered with the key."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vn.errors import InputError, show
from vn.io.files import read_json
from vn.rate.key import FORMAT, LETTERS, Key
from vn.rate.ratings import CRITERIA, POINTS, Ratings

HEAD = ("format", "kit", "rater", "content", "saved")
ROW = ("story", "version", *CRITERIA, "seconds")


def gather(files: Sequence[Path], key: Key) -> Ratings:
    """Read the raters' files and put each rating at its system.

    Args:
        files: one file per rater, of one kit.
        key: the kit's key.

    Raises:
        InputError: a file is not of this kit, was changed after it was saved, is of a rater who has another file, has
            a value that is not on the scale or an item that its page does not have, or no rating at all.
    """
    raters, stories, systems = list(key.raters), list(key.stories), list(key.systems)
    values = np.full((len(raters), len(stories), len(systems), len(CRITERIA)), np.nan)
    seconds = np.zeros(values.shape[:-1])
    seen: dict[str, Path] = {}
    for file in files:
        data = _checked(file, key)
        rater = data["rater"]
        if rater in seen:
            raise InputError(f"is of rater {rater}, whose file is also {seen[rater]}; give one of them", file=file)
        seen[rater] = file
        order = key.raters[rater]["order"]
        for row in data["ratings"]:
            place = raters.index(rater), stories.index(row["story"])
            system = systems.index(order[row["story"]][LETTERS.index(row["version"])])
            points = [row[name] for name in CRITERIA]
            values[(*place, system)] = [np.nan if point is None else point for point in points]
            seconds[(*place, system)] = row["seconds"]
    there = [raters.index(rater) for rater in sorted(seen)]
    return Ratings(
        tuple(raters[r] for r in there),
        tuple(str(about["video"]) for about in key.stories.values()),
        tuple(systems),
        values[there],
        seconds[there],
        np.array([about["seconds"] for about in key.stories.values()], dtype=float),
    )


def check_sum(data: Mapping[str, Any]) -> str:
    """The checksum that the page writes: CRC-32 of one line for the head and one per row."""
    lines = [" ".join(str(data[name]) for name in HEAD)]
    lines += [" ".join("-" if row[name] is None else str(row[name]) for name in ROW) for row in data["ratings"]]
    return f"{zlib.crc32(chr(10).join(lines).encode()):08x}"


def _checked(file: Path, key: Key) -> dict[str, Any]:
    """A file's content, if it is of this kit and as its page saved it."""
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("ratings"), list):
        raise InputError("is not a file that a rating page saved", file=file)
    for name in (*HEAD[1:], "check"):
        if not isinstance(data.get(name), str):
            raise InputError(f"expected a text, got {show(data.get(name))}", file=file, field=name)
    if data["kit"] != key.kit:
        raise InputError(f"is of another kit ({show(data['kit'])}, the key is of {key.kit})", file=file)
    rater = data["rater"]
    if rater not in key.raters:
        raise InputError(f"the kit has no rater {show(rater)}", file=file)
    if data["content"] != key.raters[rater]["content"]:
        raise InputError(f"rates another page than that of rater {rater} in this kit", file=file)
    order, done = key.raters[rater]["order"], set()
    for number, row in enumerate(data["ratings"]):
        _check_row(row, order, f"ratings[{number}]", file)
        if (row["story"], row["version"]) in done:
            raise InputError("occurs twice", file=file, sample=f"{row['story']} {row['version']}")
        done.add((row["story"], row["version"]))
    if data["check"] != check_sum(data):
        raise InputError("was changed after the page saved it: its checksum is that of other ratings", file=file)
    if all(row[name] is None for row in data["ratings"] for name in CRITERIA):
        raise InputError(f"has no rating: rater {rater} saved it before rating anything", file=file)
    return data


def _check_row(row: Any, order: Mapping[str, Sequence[str]], where: str, file: Path) -> None:
    if not isinstance(row, dict) or set(row) != set(ROW):
        raise InputError(f"expected {', '.join(ROW)}, got {show(row)}", file=file, field=where)
    if not isinstance(row["story"], str) or row["story"] not in order:
        raise InputError(f"the kit has no story {show(row['story'])}", file=file, field=f"{where}.story")
    letters = LETTERS[: len(order[row["story"]])]
    if not isinstance(row["version"], str) or len(row["version"]) != 1 or row["version"] not in letters:
        raise InputError(f"expected {' or '.join(letters)}, got {show(row['version'])}", file=file, field=where)
    for name in CRITERIA:
        if row[name] is not None and not (_is_whole(row[name]) and 0 <= row[name] < POINTS):
            message = f"expected a whole number from 0 to {POINTS - 1}, got {show(row[name])}"
            raise InputError(message, file=file, sample=f"{row['story']} {row['version']}", field=name)
    if not (_is_whole(row["seconds"]) and 0 <= row["seconds"] < 1e7):
        raise InputError(f"expected seconds, got {show(row['seconds'])}", file=file, field=f"{where}.seconds")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
