"""``story.json`` as ``vn narrate`` writes it, and what a user has edited in it.

Besides a `Story`, the file has for each clip how it came about (`ADDED`), and a ``record``: what stood in it when it
was last written, and with what it was written. An edit is a clip whose times, labels or narration are not those of the
record; nothing has to be marked. What a user has put there is listed in the clip's ``fixed`` from then on, and stays in
later edits; a field that is emptied or deleted is the narrator's again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError
from vn.files import read_json
from vn.overlap import CHOICES, Overlap
from vn.story import Clip, Fixed, Story

ADDED = ("word_range", "words", "label_odds", "knowledge_used", "fixed")
FIELDS = ("labels", "narration")
PATHS = ("adapter", "base_model")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to narrate, and what stands fast.

    Attributes:
        story: without narrations.
        fixed: what is not to be written, by clip.
        given: which of labels and narration are the user's, by clip.
        first: the clip to start at; None where nothing is to be written.
        entries: of an edited file's clips, as they stand there.
        warnings: of an edited file, those of clips that stay.
        made_with: of an edited file: narrator, video and options.
    """

    story: Story
    fixed: Mapping[int, Fixed]
    given: Mapping[int, Sequence[str]]
    first: int | None = 0
    entries: Sequence[dict[str, Any]] = ()
    warnings: Sequence[str] = ()
    made_with: Mapping[str, Any] | None = None


def plan_of(story: Story) -> Plan:
    """All clips from the first, with the labels and narrations that a product file gives."""
    fixed = {i: Fixed(c.labels, c.narration) for i, c in enumerate(story.clips) if c.labels or c.narration}
    given = {i: [name for name in FIELDS if getattr(each, name)] for i, each in fixed.items()}
    return Plan(_without_narrations(story), fixed, given)


def record(story: Story, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """What an edited file is compared with."""
    return {"made_with": dict(made_with), "product": _product(story), "clips": [_state(clip) for clip in story.clips]}


def read_edited(file: Path, findings: Findings, overlap: Overlap | None = None) -> Plan:
    """Read a ``story.json`` that may have been edited.

    Args:
        file: the story.
        findings: takes the warnings.
        overlap: what becomes of clips that overlap; None: what became of them when it was written.

    Raises:
        InputError: it was not written by ``vn narrate``, clips were added or removed, or what stands there is no story.
    """
    data = read_json(file)
    before = _record_of(data)
    if before is None:
        raise InputError("no story.json that vn narrate wrote: it has no record", file=file, field="record")
    clips = data["clips"] if isinstance(data.get("clips"), list) else []
    entries = [entry for entry in clips if isinstance(entry, dict)]
    if len(entries) != len(before["clips"]) or len(entries) != len(clips):
        message = f"has {len(clips)} clips, and {len(before['clips'])} when it was written: narrate anew to change that"
        raise InputError(message, file=file, field="clips")
    bare = {name: value for name, value in data.items() if name not in ("record", "warnings")}
    bare["clips"] = [_clip_of(entry) for entry in entries]
    story = Story.from_dict(bare, file=file, findings=findings, overlap=overlap or overlap_of(before["made_with"]))
    changed = [_state(clip) != old for clip, old in zip(story.clips, before["clips"], strict=True)]
    anew = _product(story) != before["product"]
    first = 0 if anew else next((i for i, each in enumerate(changed) if each), None)
    fixed: dict[int, Fixed] = {}
    given: dict[int, list[str]] = {}
    for i, (clip, old) in enumerate(zip(story.clips, before["clips"], strict=True)):
        if first is None or i < first:
            fixed[i] = Fixed(clip.labels or (), clip.narration or "")
            continue
        state, already = _state(clip), _texts(entries[i].get("fixed"))
        given[i] = [n for n in FIELDS if state[n] and (n in already or state[n] != old[n])]
        labels = clip.labels if "labels" in given[i] else None
        if i == first and not anew and all(state[n] == old[n] for n in ("start", "end", "labels")):
            labels = clip.labels  # only the narration behind them was edited
        fixed[i] = Fixed(labels, clip.narration if "narration" in given[i] else None)
    kept = [w for w in _texts(data.get("warnings")) if first is not None and _clip_number(w, first) < first]
    return Plan(_without_narrations(story), fixed, given, first, entries, kept, before["made_with"])


def overlap_of(made_with: Mapping[str, Any]) -> Overlap:
    """What became of clips that overlap when a story was written."""
    return next((each for each in CHOICES if each == made_with.get("overlap")), "refuse")


def _record_of(data: Any) -> dict[str, Any] | None:
    value = data.get("record") if isinstance(data, dict) else None
    if not isinstance(value, dict) or not isinstance(value.get("made_with"), dict):
        return None
    if any(not isinstance(value["made_with"].get(name), str | None) for name in PATHS):
        return None
    clips = value.get("clips")
    known = isinstance(clips, list) and all(isinstance(c, dict) and {"start", "end", *FIELDS} <= set(c) for c in clips)
    return value if known and "product" in value else None


def _clip_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a Story's clip: an emptied field is none at all."""
    return {k: v for k, v in entry.items() if k not in ADDED and not (k in FIELDS and v in (None, "", []))}


def _state(clip: Clip) -> dict[str, Any]:
    labels = [label.en for label in clip.labels] if clip.labels else None
    return {"start": clip.start, "end": clip.end, "labels": labels, "narration": clip.narration}


def _product(story: Story) -> str:
    """A fingerprint of what all clips are told about."""
    known = [[each.aspect, list(each.points)] for each in story.knowledge]
    text = json.dumps([story.title, story.language, story.domain, known], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_narrations(story: Story) -> Story:
    # A story in which some clips have a narration is one whose other clips are silent; here all are narrated.
    return replace(story, clips=tuple(replace(clip, narration=None) for clip in story.clips))


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _clip_number(warning: str, other: int) -> int:
    found = re.search(r"clips\[(\d+)\]", warning)
    return int(found[1]) if found else other
