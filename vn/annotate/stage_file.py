"""The file of one video and stage, ``stages/STAGE/VIDEO.json``: whole or absent, and open to edits by hand.

    {"format": 1, "stage", "video", "made_from", "sha256", "result", "marks", "counts", "warnings"}

``made_from`` is a hash of everything that the result was made from, ``sha256`` that of the result: if a person edits
the result, it differs, and the file is not overwritten. Later stages are made from the hash of what the file holds.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from vn.annotate.result_reader import ResultReader
from vn.annotate.results import RESULTS
from vn.annotate.stage import Made, Mark
from vn.errors import InputError, show
from vn.io.atomic import write_text
from vn.io.field_reader import FieldReader
from vn.io.files import read_json

FORMAT = 1
FIELDS = ("format", "stage", "video", "made_from", "sha256", "result", "marks", "counts", "warnings")
DAMAGED = ".damaged"
EDITED = ".edited"


class Damaged(InputError):
    """A stage file that nobody can read, as a full disk or a bad copy leaves it."""


@dataclass(frozen=True, slots=True)
class StageFile:
    """What a stage file holds.

    Attributes:
        made_from: hash of what the result was made from.
        made: result, marks and counts.
        hash: hash of the result as it is now.
        edited: whether a person changed the result.
        warnings: what was found when it was made.
    """

    made_from: str
    made: Made
    hash: str
    edited: bool
    warnings: tuple[str, ...] = ()


def digest(value: Any) -> str:
    """The hash of a JSON value, whatever the order of its fields."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def stage_file(stages: Path, stage: str, video: str) -> Path:
    """Where the file of a video and stage is."""
    return stages / stage / f"{video}.json"


def write_stage(file: Path, made: Made, made_from: str, warnings: Sequence[str] = ()) -> StageFile:
    """Write a stage file; its folder and name are those of `stage_file`.

    Args:
        file: where.
        made: what the stage made.
        made_from: hash of what it was made from.
        warnings: what was found meanwhile.

    Raises:
        InputError: the file cannot be written.
    """
    sha = digest(made.result)
    content = {
        "format": FORMAT,
        "stage": file.parent.name,
        "video": file.stem,
        "made_from": made_from,
        "sha256": sha,
        "result": made.result,
        "marks": [mark.to_dict() for mark in made.marks],
        "counts": made.counts,
        "warnings": list(warnings),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return StageFile(made_from, made, sha, edited=False, warnings=tuple(warnings))


def read_stage(file: Path) -> StageFile | None:
    """Read a stage file; None if there is none.

    Raises:
        Damaged: the file is not JSON, or not a stage file of this video and stage.
        InputError: its result, which a person edited, cannot be read; the message names the field.
    """
    if not file.exists():
        return None
    try:
        data = read_json(file)
        reader = FieldReader(file)
        data = reader.keys(data, FIELDS, "")
        for name, wanted in (("format", FORMAT), ("stage", file.parent.name), ("video", file.stem)):
            if data.get(name) != wanted:
                raise reader.fail(f"expected {show(wanted)}, got {show(data.get(name))}", name)
        made_from, sha, result = reader.text(data, "made_from"), reader.text(data, "sha256"), data.get("result")
        marks, counts = _marks(reader, data.get("marks", [])), _counts(reader, data.get("counts", {}))
        warnings = ResultReader(file).texts(data.get("warnings", []), "warnings")
        if not isinstance(result, dict):
            raise reader.fail(f"expected an object, got {show(result)}", "result")
        now = digest(result)
    except (InputError, ValueError) as error:
        raise Damaged(str(error)) from None
    if now != sha:
        RESULTS[file.parent.name].of_json(result, file)
    return StageFile(made_from, Made(result, marks, counts), now, edited=now != sha, warnings=warnings)


def set_aside(file: Path, ending: str) -> Path:
    """Rename a file that is about to be made again, so that nobody's work is lost; returns its new name.

    Files that were set aside before keep theirs: the next one is ``ID.edited-2``.
    """
    names = (f"{ending}{f'-{number}' if number > 1 else ''}" for number in count(1))
    aside = next(each for each in map(file.with_suffix, names) if not os.path.lexists(each))
    os.replace(file, aside)
    return aside


def _marks(reader: FieldReader, data: Sequence[Any]) -> list[Mark]:
    if not isinstance(data, list):
        raise reader.fail(f"expected a list, got {show(data)}", "marks")
    marks = []
    for i, item in enumerate(data):
        where = f"marks[{i}]"
        item = reader.keys(item, ("why", "kind", "clip"), where)
        clip = item.get("clip")
        if clip is not None and (isinstance(clip, bool) or not isinstance(clip, int)):
            raise reader.fail(f"expected the number of a clip, got {show(clip)}", f"{where}.clip")
        marks.append(Mark(reader.text(item, "why", f"{where}."), reader.text(item, "kind", f"{where}."), clip))
    return marks


def _counts(reader: FieldReader, data: Mapping[str, Any]) -> dict[str, float]:
    if not isinstance(data, dict) or not all(
        isinstance(each, int | float) and not isinstance(each, bool) for each in data.values()
    ):
        raise reader.fail(f"expected numbers by name, got {show(data)}", "counts")
    return dict(data)
