"""Edits of a story's clips: labels, narrations, borders; what is written again is what ``vn narrate --edit`` finds.

Clips are the entries of a ``story.json``, in which ``fixed`` lists what is the user's. Each function changes the list
in place; whoever saves it checks that it is still a story.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import Any

from vn.errors import InputError, show
from vn.story import parse_labels

Entry = dict[str, Any]
SHORTEST = 0.2  # seconds; a shorter clip cannot be seen, nor its border be dragged


def set_labels(clips: MutableSequence[Entry], clip: int, labels: Sequence[str]) -> None:
    """Choose a clip's script labels; without any, the narrator chooses.

    Raises:
        InputError: there is no such clip or label.
    """
    entry = _entry(clips, clip)
    if labels:
        parse_labels(list(labels))
    _give(entry, "labels", list(labels))


def set_narration(clips: MutableSequence[Entry], clip: int, narration: str) -> None:
    """Write a clip's narration; if it is empty, the narrator writes it.

    Raises:
        InputError: there is no such clip.
    """
    _give(_entry(clips, clip), "narration", " ".join(narration.split()))


def move_border(clips: MutableSequence[Entry], clip: int, second: float) -> None:
    """Move the border between a clip and the next one; a gap between them is closed.

    Args:
        clips: the entries.
        clip: the clip that ends there.
        second: the new time.

    Raises:
        InputError: it is not between the start of this clip and the end of the next.
    """
    one, two = _entry(clips, clip), _entry(clips, clip + 1)
    second = round(second, 3)
    low, high = one["start"] + SHORTEST, two["end"] - SHORTEST
    if not low <= second <= high:
        raise InputError(f"expected {low:g} to {high:g} s, got {second:g} s", field=f"clips[{clip}].end")
    one["end"] = two["start"] = second


def split(clips: MutableSequence[Entry], clip: int, second: float) -> None:
    """Split a clip in two. The user's labels stay with both, the user's narration with the first.

    Raises:
        InputError: the time is not inside the clip.
    """
    entry, second = _entry(clips, clip), round(second, 3)
    low, high = entry["start"] + SHORTEST, entry["end"] - SHORTEST
    if not low <= second <= high:
        raise InputError(f"expected {low:g} to {high:g} s, got {second:g} s", field=f"clips[{clip}]")
    rest: Entry = {"start": second, "end": entry["end"]}
    if is_users(entry, "labels"):
        _give(rest, "labels", entry["labels"])
    clips.insert(clip + 1, rest)
    entry["end"] = second
    if not is_users(entry, "narration"):
        entry.pop("narration", None)


def merge(clips: MutableSequence[Entry], clip: int) -> None:
    """Merge a clip with the next one. What is the user's is kept, what is the narrator's is written again.

    Raises:
        InputError: there is no next clip.
    """
    one, two = _entry(clips, clip), _entry(clips, clip + 1)
    texts = [entry["narration"] for entry in (one, two) if is_users(entry, "narration")]
    labels: list[str] = next((entry["labels"] for entry in (one, two) if is_users(entry, "labels")), [])
    one["end"] = max(one["end"], two["end"])
    _give(one, "narration", " ".join(texts))
    _give(one, "labels", labels)
    del clips[clip + 1]


def write_from(clips: MutableSequence[Entry], clip: int) -> None:
    """Ask for clips to be written again, from this one.

    Its narration is emptied, or, if that is the user's, the next one that is the narrator's.

    Raises:
        InputError: there is no such clip, or every narration from here on is the user's.
    """
    _entry(clips, clip)
    for entry in clips[clip:]:
        if not is_users(entry, "narration"):
            entry.pop("narration", None)
            return
    raise InputError("every narration from here on is yours; empty one to have it written", field=f"clips[{clip}]")


def is_users(entry: Entry, field: str) -> bool:
    """Whether a clip's labels or narration are the user's."""
    return bool(entry.get(field)) and field in entry.get("fixed", ())


def _give(entry: Entry, field: str, value: Any) -> None:
    """Set a field that is the user's from now on; an empty one is the narrator's."""
    entry.pop(field, None)
    fixed = [name for name in entry.pop("fixed", ()) if name != field]
    if value:
        entry[field] = value
        fixed.append(field)
    if fixed:
        entry["fixed"] = fixed


def _entry(clips: Sequence[Entry], clip: int) -> Entry:
    if type(clip) is not int or not 0 <= clip < len(clips):
        raise InputError(f"there is no clip {show(clip)}; there are {len(clips)}")
    return clips[clip]
