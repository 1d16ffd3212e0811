"""``story.json`` as ``vn narrate`` writes it, and what a user has edited in it.

Besides a `Story`, the file has for each clip how it was made (`ADDED`), and a `vn.story_file.record`: marks of its
content when it was last written. An edit is a clip that differs from the record; users need not mark it, and clips
may be added, removed, split or merged. What a user has written is listed in the clip's ``fixed`` from then on, and is
kept in later edits; a field that is emptied or deleted is written by the narrator again.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError
from vn.io.files import read_json
from vn.overlap import CHOICES, Overlap
from vn.story import Fixed, Story, is_seconds
from vn.story_file.changes import Changes, compare
from vn.story_file.record import FIELDS, Record, marks, product_mark, read_record
from vn.story_reader import parse_story
from vn.timecode import seconds_of

ADDED = ("word_range", "words", "label_odds", "knowledge_used", "fixed")
NOT_A_STORYS = ("record", "warnings", "knowledge_dropped", "render")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to narrate, and what is fixed.

    Attributes:
        story: the story, without narrations.
        fixed: labels and narrations that are not written again, by clip.
        given: which of labels and narration are the user's, by clip.
        first: the clip to start at; None if nothing needs to be written.
        entries: entries of an edited file's clips, as they are in the file.
        warnings: warnings of an edited file, those of clips that are kept.
        made_with: settings of an edited file: narrator, video and options.
        seen: edits of an edited file, one phrase per change.
        lost: which of an edited file's video, adapter and base_model are not found, and where they were looked for.
        picture: width and height of the video's frames, if known.
        render: how an edited file's story was last rendered, as it is in the file.
    """

    story: Story
    fixed: Mapping[int, Fixed]
    given: Mapping[int, Sequence[str]]
    first: int | None = 0
    entries: Sequence[dict[str, Any]] = ()
    warnings: Sequence[str] = ()
    made_with: Mapping[str, Any] | None = None
    seen: Sequence[str] = ()
    lost: Mapping[str, str] = field(default_factory=dict)
    picture: tuple[int, int] | None = None
    render: Mapping[str, Any] | None = None


def plan_of(story: Story) -> Plan:
    """All clips from the first, with the labels and narrations that a product file gives."""
    fixed = {i: Fixed(c.labels, c.narration) for i, c in enumerate(story.clips) if c.labels or c.narration}
    given = {i: [name for name in FIELDS if getattr(each, name)] for i, each in fixed.items()}
    return Plan(_without_narrations(story), fixed, given)


def read_edited(file: Path, findings: Findings, overlap: Overlap | None = None) -> Plan:
    """Read a ``story.json`` that may have been edited.

    Args:
        file: the story.
        findings: collects the warnings.
        overlap: how to treat clips that overlap; None: as when it was written.

    Raises:
        InputError: it was not written by ``vn narrate``, or its content is no longer a story.
    """
    data = read_json(file)
    before = read_record(data, file.parent)
    if before is None:
        raise InputError("not a story.json written by vn narrate: it has no record", file=file, field="record")
    bare, entries, sorted_ = bare_story(data)
    story = parse_story(bare, file=file, findings=findings, overlap=overlap or overlap_of(before.made_with))
    story = replace(story, video=before.video or story.video)
    new = [marks(clip) for clip in story.clips]
    old = () if before.damaged else before.clips
    changes = compare(new, old)
    changed_product = before.damaged or before.product not in (product_mark(story), product_mark(story, bars=False))
    first = 0 if changed_product else changes.first
    fixed: dict[int, Fixed] = {}
    given: dict[int, list[str]] = {}
    for i, clip in enumerate(story.clips):
        if first is None or i < first:
            fixed[i] = Fixed(clip.labels or (), clip.narration or "")
            continue
        already, users = _texts(entries[i].get("fixed")), changes.users(i, new, old)
        given[i] = [n for n in FIELDS if new[i][n] and (n in already or n in users)]
        labels = clip.labels if "labels" in given[i] else None
        if i == first and not changed_product and len(changes.sources[i]) == 1:
            source = old[changes.sources[i][0]]
            if all(new[i][n] == source[n] for n in ("start", "end", "labels")):
                labels = clip.labels  # only the narration after them was edited
        fixed[i] = Fixed(labels, clip.narration if "narration" in given[i] else None)
    kept = [w for w in _texts(data.get("warnings")) if first is not None and _clip_number(w, first) < first]
    return Plan(
        _without_narrations(story),
        fixed,
        given,
        first,
        entries,
        kept,
        before.made_with,
        _seen(before, changes, changed_product, sorted_),
        before.lost,
        before.picture,
        data.get("render"),
    )


def bare_story(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any], bool]:
    """A parsed ``story.json`` as a Story alone, for `parse_story`.

    Args:
        data: the parsed JSON.

    Returns:
        The Story; the file's entries of its clips, in the order of their times; whether the file's order is another.
    """
    entries, sorted_ = _in_order(data.get("clips"))
    bare = {name: value for name, value in data.items() if name not in NOT_A_STORYS}
    bare["clips"] = [_clip_of(entry) if isinstance(entry, dict) else entry for entry in entries]
    return bare, entries, sorted_


def overlap_of(made_with: Mapping[str, Any]) -> Overlap:
    """How clips that overlap were treated when a story was written."""
    return next((each for each in CHOICES if each == made_with.get("overlap")), "refuse")


def check_found(plan: Plan, options: Namespace) -> None:
    """Raise if an edited story's narrator or base model is not found and no other one is given."""
    for name, flags in {"adapter": ("run", "adapter"), "base_model": ("base_model",)}.items():
        if name in plan.lost and not any(getattr(options, flag) for flag in flags):
            what = "narrator that wrote it" if name == "adapter" else "base model"
            asked = " or ".join(f"--{flag.replace('_', '-')}" for flag in flags)
            message = f"the {what} is not found ({plan.lost[name]}); give its path with {asked}"
            raise InputError(message, file=options.edit, field=f"record.made_with.{name}")


def _seen(before: Record, changes: Changes, changed_product: bool, sorted_: bool) -> list[str]:
    seen = ["the clips are not in the order of their times; they were sorted"] if sorted_ else []
    if before.damaged:
        # A single letter was replaced everywhere: no mark is valid any more.
        return [*seen, "the record was changed too, so all labels and narrations are treated as yours"]
    if changed_product:
        seen.append("the product information changed, so all clips are written again")
    return [*seen, *changes.seen]


def _in_order(clips: Any) -> tuple[list[Any], bool]:
    """A file's clips in the order of their times, and whether that differs from the file's order."""
    entries = list(clips) if isinstance(clips, list) else []
    starts: list[Any] = [entry.get("start") if isinstance(entry, dict) else None for entry in entries]
    starts = [seconds_of(start) if isinstance(start, str) else start for start in starts]
    if not all(is_seconds(start) for start in starts):
        return entries, False  # the reader reports what is wrong
    order = sorted(range(len(entries)), key=lambda i: float(starts[i]))
    return [entries[i] for i in order], order != list(range(len(entries)))


def _clip_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of a Story's clip, without emptied fields."""
    return {k: v for k, v in entry.items() if k not in ADDED and not (k in FIELDS and v in (None, "", []))}


def _without_narrations(story: Story) -> Story:
    # In a story with narrations, clips without one are silent; here all clips are narrated.
    return replace(story, clips=tuple(replace(clip, narration=None) for clip in story.clips))


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _clip_number(warning: str, other: int) -> int:
    found = re.search(r"clips\[(\d+)\]", warning)
    return int(found[1]) if found else other
