"""The files that review pages save (and that Label Studio's exports are turned into), every field checked.

    {"format": 1, "batch", "id", "content", "reviewer", "saved",
     "videos": [{"video", "content", "clips": [{"start", "end", "narration", "labels", "state"}]}]}

People may edit such a file by hand; so there is no checksum, and each error names its field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.annotate.result_reader import ResultReader
from vn.annotate.results import ReviewedClip
from vn.errors import show
from vn.io.files import read_json
from vn.story import Language

FORMAT = 1
OPEN, ACCEPTED, SKIPPED = "open", "accepted", "skipped"
STATES = (OPEN, ACCEPTED, SKIPPED)
FIELDS = ("format", "batch", "id", "content", "reviewer", "saved", "videos")
EARLY = 2e-3  # seconds by which a clip may start before the end of the previous one: times are rounded
SAVED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class SavedClip:
    """A clip as a reviewer left it.

    Attributes:
        clip: its times, narration and labels.
        state: ``open`` (nobody decided), ``accepted`` or ``skipped`` (it has no narration).
    """

    clip: ReviewedClip
    state: str


@dataclass(frozen=True, slots=True)
class SavedVideo:
    """A video as a reviewer left it.

    Attributes:
        video: the story's id.
        content: hash of the draft that was reviewed.
        clips: its clips, at least one.
        field: its place in the file.
    """

    video: str
    content: str
    clips: tuple[SavedClip, ...]
    field: str

    @property
    def reviewed(self) -> int:
        """How many clips somebody decided about."""
        return sum(each.state != OPEN for each in self.clips)


@dataclass(frozen=True, slots=True)
class ReviewFile:
    """What a reviewer saved.

    Attributes:
        file: the file.
        batch: name of the batch.
        reviewer: who.
        saved: when, as ``2026-11-28T10:00:00Z``.
        videos: by id.
    """

    file: Path
    batch: str
    reviewer: str
    saved: str
    videos: Mapping[str, SavedVideo]


def read_review(file: Path) -> ReviewFile:
    """Read and check a file.

    Raises:
        InputError: it is not such a file, or a field is wrong; the message names the field.
    """
    reader = ResultReader(file)
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("videos"), list):
        raise reader.fail("is not a file that a review page saved")
    data = reader.keys(data, FIELDS, "")
    reviewer, saved = reader.text(data, "reviewer"), reader.text(data, "saved")
    if not SAVED.fullmatch(saved):
        raise reader.fail(f"expected a time as 2026-11-28T10:00:00Z, got {show(saved)}", "saved")
    videos: dict[str, SavedVideo] = {}
    for i, entry in enumerate(data["videos"]):
        found = _video(reader, entry, f"videos[{i}]")
        if found.video in videos:
            raise reader.fail(f"{show(found.video)} is also in {videos[found.video].field}", f"videos[{i}].video")
        videos[found.video] = found
    return ReviewFile(file, reader.text(data, "batch"), reviewer, saved, videos)


def _video(reader: ResultReader, entry: Any, where: str) -> SavedVideo:
    entry = reader.keys(entry, ("video", "content", "clips"), where)
    name, content = reader.text(entry, "video", f"{where}."), reader.text(entry, "content", f"{where}.")
    clips: list[SavedClip] = []
    for i, item in enumerate(reader.items(entry.get("clips"), f"{where}.clips")):
        place = f"{where}.clips[{i}]"
        found = _clip(reader, item, place)
        if clips and found.clip.start < clips[-1].clip.end - EARLY:
            before = f"clips[{i - 1}] ends at {clips[-1].clip.end:g} s"
            raise reader.fail(f"starts at {found.clip.start:g} s, before {before}", f"{place}.start")
        clips.append(found)
    if not clips:
        raise reader.fail("expected at least one clip", f"{where}.clips")
    return SavedVideo(name, content, tuple(clips), where)


def _clip(reader: ResultReader, item: Any, where: str) -> SavedClip:
    item = reader.keys(item, ("start", "end", "narration", "labels", "state"), where)
    state = reader.one_of(item.get("state"), STATES, f"{where}.state")
    start, end = reader.span(item.get("start"), item.get("end"), where)
    narration = item.get("narration")
    if narration is not None:
        narration = " ".join(reader.text(item, "narration", f"{where}.").split())
    if narration is not None and state == SKIPPED:
        raise reader.fail("expected null: the clip was left without a narration", f"{where}.narration")
    labels = reader.labels(item.get("labels"), f"{where}.labels")
    if labels is not None and narration is None:
        raise reader.fail("expected null: a clip without a narration has no labels", f"{where}.labels")
    return SavedClip(ReviewedClip(start, end, narration, labels), state)


def review_json(review: ReviewFile, languages: Mapping[str, Language]) -> str:
    """The text of a review file, as the page would save it.

    Args:
        review: what a reviewer left.
        languages: the language of each video, in which its labels are named.
    """
    videos = []
    for each in review.videos.values():
        clips = []
        for saved in each.clips:
            clip = saved.clip
            labels = None if clip.labels is None else [x.text(languages[each.video]) for x in clip.labels]
            times = {"start": clip.start, "end": clip.end}
            clips.append({**times, "narration": clip.narration, "labels": labels, "state": saved.state})
        videos.append({"video": each.video, "content": each.content, "clips": clips})
    head = {"format": FORMAT, "batch": review.batch, "reviewer": review.reviewer, "saved": review.saved}
    return json.dumps({**head, "videos": videos}, ensure_ascii=False, indent=1) + "\n"
