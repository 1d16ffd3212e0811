"""``vn review import``: an annotated export of Label Studio as review files, one per annotator."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vn.annotate.draft import Draft
from vn.annotate.result_reader import ResultReader
from vn.annotate.review.drafts import content_of
from vn.annotate.review.label_studio.regions import clips_of
from vn.annotate.review.review_file import ReviewFile, SavedVideo, read_review, review_json
from vn.data.video import VideoReader
from vn.errors import Findings, InputError, show
from vn.io.atomic import write_text
from vn.io.files import read_json
from vn.story import Language

BATCH = "label-studio"
DATA = ("story", "content", "fps")


@dataclass(slots=True)
class Imported:
    """What an export held.

    Attributes:
        reviews: annotator -> video -> what they left.
        saved: annotator -> when they saved last.
        empty: annotations without a region, or cancelled.
        missing: tasks that nobody annotated.
        bad: what is wrong with those that were left out.
    """

    reviews: dict[str, dict[str, SavedVideo]] = field(default_factory=dict)
    saved: dict[str, str] = field(default_factory=dict)
    empty: int = 0
    missing: int = 0
    bad: Findings = field(default_factory=Findings)


def import_export(file: Path, drafts: Sequence[Draft], max_bad: int = 0) -> Imported:
    """Read an export of the type JSON.

    Args:
        file: the export.
        drafts: all videos.
        max_bad: how many annotations may be bad; they are left out.

    Raises:
        InputError: it is not such an export, or has more bad annotations.
    """
    tasks = read_json(file)
    if not isinstance(tasks, list) or not tasks:
        raise InputError(f"expected the tasks of a Label Studio export, got {show(tasks)}", file=file)
    by_id = {draft.video.id: draft for draft in drafts}
    found = Imported()
    for i, task in enumerate(tasks):
        reader = ResultReader(file)
        try:
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                raise reader.fail(f"expected a task with its data, got {show(task)}", f"[{i}]")
            if not isinstance(task.get("annotations"), list):
                message = "has no annotations: choose the format JSON in Label Studio's export, not JSON-MIN or CSV"
                raise reader.fail(message, f"[{i}]")
            draft = _draft(reader, task["data"], f"[{i}].data.", by_id)
        except InputError as error:
            _add_bad(found, error, max_bad)
            continue
        _read_task(reader, task, f"[{i}]", draft, found, max_bad)
    return found


def _read_task(reader: ResultReader, task: Any, where: str, draft: Draft, found: Imported, max_bad: int) -> None:
    done = False
    for n, annotation in enumerate(task["annotations"]):
        place = f"{where}.annotations[{n}]"
        try:
            if not isinstance(annotation, dict) or not isinstance(annotation.get("result"), list):
                raise reader.fail(f"expected an annotation with its result, got {show(annotation)}", place)
            if annotation.get("was_cancelled") or not annotation["result"]:
                found.empty += 1
                continue
            name, saved = _annotator(annotation), _time(reader, annotation, place)
            clips = clips_of(reader, annotation["result"], f"{place}.result", draft, float(task["data"]["fps"]))
            own = found.reviews.setdefault(name, {})
            if draft.video.id in own:
                raise reader.fail(f"{name} annotated this video twice", place)
        except InputError as error:
            _add_bad(found, error, max_bad)
            continue
        own[draft.video.id] = SavedVideo(draft.video.id, content_of(draft), clips, place)
        found.saved[name] = max(saved, found.saved.get(name, ""))
        done = True
    found.missing += not done


def _add_bad(found: Imported, error: InputError, max_bad: int) -> None:
    found.bad.add(str(error))
    if len(found.bad) > max_bad:
        raise InputError(f"{error} (--max-bad {len(found.bad)} goes on without it)") from None


def _draft(reader: ResultReader, data: Mapping[str, Any], where: str, by_id: Mapping[str, Draft]) -> Draft:
    name, content = reader.text(data, "story", where), reader.text(data, "content", where)
    if name not in by_id:
        raise reader.fail(f"is of another export: there is no video {show(name)}", f"{where}story")
    reader.id = name
    fps = data.get("fps")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= 1000:
        raise reader.fail(f"expected frames per second, got {show(fps)}", f"{where}fps")
    own = VideoReader(by_id[name].video.file, name).fps
    if not math.isclose(fps, own, rel_tol=1e-6):
        raise reader.fail(f"frames were counted at {fps:g} per second, but the video has {own:g}", f"{where}fps")
    if content != content_of(by_id[name]):
        message = "is about another draft of this video than the present one: a stage has run again since the export"
        raise reader.fail(message, f"{where}content")
    return by_id[name]


def _annotator(annotation: Mapping[str, Any]) -> str:
    """Who annotated: an e-mail address or a number, whatever the export has."""
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    name = " ".join(str(by).split()) if isinstance(by, str | int) and not isinstance(by, bool) else ""
    return f"annotator-{name}" if name.isdecimal() else name or "annotator"


def _time(reader: ResultReader, annotation: Mapping[str, Any], where: str) -> str:
    """When it was saved; now, if the export does not have it."""
    text = annotation.get("updated_at") or annotation.get("created_at")
    try:
        at = datetime.now(UTC) if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise reader.fail(f"expected a time, got {show(text)}", f"{where}.updated_at") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_reviews(found: Imported, folder: Path, drafts: Sequence[Draft]) -> Iterator[Path]:
    """Write a review file per annotator, ``label-studio.NAME.json``, which the stage ``review`` reads.

    What an earlier import of the same annotator has about other videos is kept.

    Raises:
        InputError: a file of an earlier import is damaged.
    """
    languages = {draft.video.id: draft.video.language for draft in drafts}
    folder.mkdir(parents=True, exist_ok=True)
    for name, videos in found.reviews.items():
        if not videos:
            continue
        file, before = _file_of(folder, name)
        both = {**(before.videos if before else {}), **videos}
        saved = max(found.saved[name], before.saved if before else "")
        review = ReviewFile(file, BATCH, name, saved, both)
        named: dict[str, Language] = {video: languages.get(video, "en") for video in both}
        write_text(file, review_json(review, named))
        yield file


def _file_of(folder: Path, name: str) -> tuple[Path, ReviewFile | None]:
    """An annotator's file, and what it has; another annotator's of nearly the same name is left alone."""
    slug = re.sub(r"[^\w-]+", "-", name).strip("-") or "annotator"
    for number in itertools.count(1):
        file = folder / f"{BATCH}.{slug}{f'-{number}' if number > 1 else ''}.json"
        if not file.exists():
            break
        before = read_review(file)
        if before.reviewer == name:
            return file, before
    return file, None
