"""The drafts of all videos of a folder that ``vn annotate`` made, and a hash of what is reviewed of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.annotate.draft import Draft, draft_of
from vn.annotate.stage import STAGES, Mark, RawVideo
from vn.annotate.stage_file import digest, read_stage, stage_file
from vn.errors import InputError, show
from vn.io.field_reader import FieldReader
from vn.io.files import read_json

PAGES = "review"
RECORD = Path("stages") / "annotate.json"
MACHINE = STAGES[: STAGES.index("review")]


def content_of(draft: Draft) -> str:
    """A hash of what is reviewed of a video: if a stage gives something else later, earlier reviews do not fit."""
    clips = [
        [clip.start, clip.end, clip.recognised, clip.narration, sorted(label.name for label in clip.labels or ())]
        for clip in draft.clips
    ]
    return digest([draft.video.id, draft.video.sha256, clips])[:16]


def read_drafts(stories: Path) -> list[Draft]:
    """The drafts of all videos as the machine left them, without reviews, in the order of their ids.

    Args:
        stories: the ``--out`` folder of ``vn annotate``.

    Raises:
        InputError: it is none; no video has its shots yet; or a stage file is damaged.
    """
    file = stories / RECORD
    if not file.is_file():
        raise InputError(f"is no folder that vn annotate wrote: it has no {RECORD}", file=stories)
    reader = FieldReader(file)
    data = read_json(file)
    videos = data.get("videos") if isinstance(data, dict) else None
    if not isinstance(videos, dict):
        raise reader.fail(f"expected videos by id, got {show(videos)}", "videos")
    drafts = []
    for name, entry in sorted(videos.items()):
        results: dict[str, Mapping[str, Any]] = {}
        marks: dict[str, Sequence[Mark]] = {}
        for stage in MACHINE:
            found = read_stage(stage_file(stories / "stages", stage, name))
            if found is not None:
                results[stage], marks[stage] = found.made.result, found.made.marks
        if "shots" in results:
            drafts.append(draft_of(_video(name, entry, stories, reader), results, marks))
    if not drafts:
        raise InputError("no video has its shots yet; see vn annotate", file=stories)
    return drafts


def _video(name: str, entry: Any, stories: Path, reader: FieldReader) -> RawVideo:
    where = f"videos.{name}."
    if not isinstance(entry, dict):
        raise reader.fail(f"expected a video, got {show(entry)}", where.removesuffix("."))
    language = reader.one_of(entry.get("language"), ("en", "zh"), f"{where}language")
    file = stories / reader.text(entry, "file", where)
    return RawVideo(name, file, reader.text(entry, "sha256", where), language)
