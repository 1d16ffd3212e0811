"""``stages/annotate.json``: what the last command did; with the stages' files, the drafts of all videos."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vn.annotate.draft import Draft, draft_of
from vn.annotate.entry import Entry
from vn.annotate.stage import STAGES, Mark, RawVideo
from vn.annotate.stage_file import read_stage, stage_file
from vn.errors import InputError
from vn.io.atomic import write_text
from vn.io.field_reader import FieldReader
from vn.io.files import read_json
from vn.story import KEY, KEY_RULE

REPORT = "annotate.json"
FIELDS = ("file", "sha256", "language", "title", "product_id", "same_as")


def write_report(out: Path, entries: Sequence[Entry], stages: Sequence[str], more: Mapping[str, Any]) -> Path:
    """Write ``stages/annotate.json``.

    Args:
        out: the folder of stories.
        entries: all videos.
        stages: names of the stages that were asked for.
        more: what else is recorded: options, counts, warnings, cost.
    """
    videos = {}
    for entry in entries:
        video = entry.video
        videos[video.id] = {
            "file": Path(os.path.relpath(video.file.absolute(), out.absolute())).as_posix(),
            "sha256": video.sha256,
            "language": video.language,
            "title": video.product.title if video.product else None,
            "product_id": video.product_id,
            "same_as": entry.same_as if entry.left_out else None,
        }
    file = out / "stages" / REPORT
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"format": 1, "stages": list(stages), "videos": videos, **more}
    write_text(file, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return file


def read_drafts(out: Path, reviewed: bool = True) -> list[Draft]:
    """The drafts of all videos in a folder of stories, with their marks; videos without shots have none.

    Args:
        out: the folder that ``vn annotate`` wrote.
        reviewed: whether they are as reviewers left them, or else as the machine did.

    Raises:
        InputError: it is not such a folder, or one of its files is damaged.
    """
    file = out / "stages" / REPORT
    if not file.exists():
        raise InputError(f"is not from vn annotate (it has no stages/{REPORT})", file=out)
    reader = FieldReader(file)
    data = read_json(file)
    if not isinstance(data, dict) or not isinstance(data.get("videos"), dict):
        raise reader.fail("expected the videos by id", "videos")
    asked = [stage for stage in STAGES if stage in data.get("stages", ()) and (reviewed or stage != "review")]
    drafts = []
    for identity, item in data["videos"].items():
        where = f"videos.{identity}"
        item = reader.keys(item, FIELDS, where)
        if not KEY.fullmatch(identity):  # it names files
            raise reader.fail(KEY_RULE, where)
        video = RawVideo(
            identity,
            Path(os.path.normpath(out / reader.text(item, "file", f"{where}."))),
            reader.text(item, "sha256", f"{where}."),
            reader.one_of(item.get("language"), ("en", "zh"), f"{where}.language"),
            product_id=item.get("product_id"),
        )
        results: dict[str, Mapping[str, Any]] = {}
        marks: dict[str, Sequence[Mark]] = {}
        for stage in asked:
            there = read_stage(stage_file(out / "stages", stage, identity))
            if there is not None:
                results[stage], marks[stage] = there.made.result, there.made.marks
        if "shots" in results and item.get("same_as") is None:
            drafts.append(draft_of(video, results, marks))
    return drafts
