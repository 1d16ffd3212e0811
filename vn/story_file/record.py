"""The ``record`` of a ``story.json``: its content when it was last written, and what it was written with.

Texts are recorded as marks, hashes of one field each: there is no second copy of a text that an editor's "replace all"
would change together with the first. A mark has a bar between any two letters, so that no text that is replaced occurs
in it; replacing a single letter is detected by the record's own mark.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.io.paths import find, relative, tried
from vn.story import Clip, Story

FORMAT = 2
FIELDS = ("labels", "narration")
TIMES = ("start", "end")
PATHS = ("adapter", "base_model")

Marks = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Record:
    """The state of a file when it was written.

    Attributes:
        made_with: narrator and options; paths as they are found now.
        product: the mark of the product information, which all clips share.
        clips: the marks of each clip's fields.
        damaged: whether the marks themselves were changed, so that they are useless.
        picture: width and height of the video's frames, if recorded.
        lost: which of video, adapter and base_model are not found: name -> where they were looked for.
        video: path of the video, if it is found.
    """

    made_with: Mapping[str, Any]
    product: str | None
    clips: Sequence[Marks]
    damaged: bool
    picture: tuple[int, int] | None
    lost: Mapping[str, str]
    video: str | None


def record(
    story: Story, made_with: Mapping[str, Any], folder: Path, picture: tuple[int, int] | None = None
) -> dict[str, Any]:
    """The record of a story that is written to a folder.

    Args:
        story: the story that is written.
        made_with: narrator and options.
        folder: folder of the file; paths are recorded relative to it.
        picture: width and height of the video's frames.
    """
    paths = {"video": story.video, **{name: made_with.get(name) for name in PATHS}}
    # Besides the path relative to this folder, the absolute one, which stays valid if only the folder moves.
    given = {n: [relative(path, folder), path] for n, path in paths.items() if path and os.path.isabs(path)}
    notes = dict(made_with)
    for name in PATHS:
        path = notes.get(name)
        # The name of a base model on the hub is not a path.
        notes[name] = relative(path, folder) if path and (name == "adapter" or os.path.exists(path)) else path
    clips = [marks(clip) for clip in story.clips]
    product = product_mark(story)
    out = {"format": FORMAT, "made_with": notes, "given": given, "product": product, "clips": clips}
    if picture is not None:
        out["picture"] = list(picture)
    return {**out, "mark": _mark_of(product, clips)}


def read_record(data: Any, folder: Path) -> Record | None:
    """The record in a file's data, in this format or the older one that had the texts; None if there is none.

    Args:
        data: the parsed JSON.
        folder: folder of the file.
    """
    value = data.get("record") if isinstance(data, dict) else None
    if not isinstance(value, dict) or not isinstance(value.get("made_with"), dict) or "product" not in value:
        return None
    made_with, clips = dict(value["made_with"]), value.get("clips")
    if any(not isinstance(made_with.get(name), str | None) for name in PATHS):
        return None
    if not isinstance(clips, list) or any(not isinstance(c, dict) or not {*TIMES, *FIELDS} <= set(c) for c in clips):
        return None
    new = value.get("format") == FORMAT
    given: Any = value.get("given")
    given = given if isinstance(given, dict) else {}
    lost: dict[str, str] = {}
    places: dict[str, str | None] = {}
    for name, path in {"video": data.get("video"), **{name: made_with.get(name) for name in PATHS}}.items():
        names = [path if isinstance(path, str) else None, _absolute(given.get(name), path)]
        place = find(names, folder)
        places[name] = str(place) if place is not None else None
        if names[0] and place is None and (name != "base_model" or names[0].startswith((".", "/", "~"))):
            lost[name] = tried(names, folder)
    made_with |= {name: places[name] or made_with.get(name) for name in PATHS}
    product = value["product"] if isinstance(value["product"], str) else None
    return Record(
        made_with=made_with,
        product=product,
        clips=clips if new else [_old_marks(clip) for clip in clips],
        damaged=new and value.get("mark") != _mark_of(product, clips),
        picture=_size(value.get("picture")),
        lost=lost,
        video=places["video"],
    )


def marks(clip: Clip) -> dict[str, str | None]:
    """The mark of each field of a clip; None for a missing field."""
    labels = "+".join(label.en for label in clip.labels) if clip.labels else None
    values = {"start": repr(clip.start), "end": repr(clip.end), "labels": labels, "narration": clip.narration or None}
    return {name: None if text is None else mark(text) for name, text in values.items()}


def product_mark(story: Story, bars: bool = True) -> str:
    """The mark of the product information, which all clips share; without `bars`, as older files have it."""
    known = [[each.aspect, list(each.points)] for each in story.knowledge]
    text = json.dumps([story.title, story.language, story.domain, known], ensure_ascii=False)
    return mark(text) if bars else hashlib.sha256(text.encode()).hexdigest()


def mark(text: str) -> str:
    """A short hash of a text, independent of its whitespace and the Unicode form of its accents."""
    plain = unicodedata.normalize("NFC", " ".join(text.split()))
    digits = hashlib.sha256(plain.encode()).hexdigest()[:12]
    return "|".join(chr(ord("a") + int(digit, 16)) for digit in digits)


def _old_marks(clip: Mapping[str, Any]) -> dict[str, str | None]:
    labels, narration = clip["labels"], clip["narration"]
    if isinstance(labels, list):
        labels = "+".join(map(str, labels))
    try:
        times = {name: mark(repr(float(clip[name]))) for name in TIMES}
    except (TypeError, ValueError, OverflowError):
        times = dict.fromkeys(TIMES, "")
    texts = {"labels": labels, "narration": narration}
    return {**times, **{name: mark(text) if isinstance(text, str) and text else None for name, text in texts.items()}}


def _mark_of(product: str | None, clips: Sequence[Any]) -> str:
    return mark(json.dumps([product, [[c[name] for name in (*TIMES, *FIELDS)] for c in clips]]))


def _absolute(given: Any, path: Any) -> str | None:
    """The absolute path that was given, unless the relative one has been edited since."""
    known = isinstance(given, list) and len(given) == 2 and all(isinstance(each, str) for each in given)
    return given[1] if known and given[0] == path else None


def _size(value: Any) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value):
        return value[0], value[1]
    return None
