"""What the machine made of each video, before any review, and a hash of it."""

from __future__ import annotations

from pathlib import Path

from vn.annotate.draft import Draft
from vn.annotate.drafts import REPORT, read_drafts
from vn.annotate.stage_file import digest
from vn.errors import InputError
from vn.io.files import read_json

PAGES = "review"


def content_of(draft: Draft) -> str:
    """A hash of what is reviewed of a video: if a stage gives something else later, earlier reviews do not fit."""
    clips = [
        [clip.start, clip.end, clip.recognised, clip.narration, sorted(label.name for label in clip.labels or ())]
        for clip in draft.clips
    ]
    return digest([draft.video.id, draft.video.sha256, clips])[:16]


def unfinished(stories: Path) -> str | None:
    """A warning if the last ``vn annotate`` of a folder was stopped, since its results are not all of one command.

    Args:
        stories: the ``--out`` folder of ``vn annotate``.
    """
    if "seconds" in read_json(stories / "stages" / REPORT):  # written at the end
        return None
    return (
        "the last vn annotate did not finish; repeat it before anybody reviews, since a review does not fit results "
        "that change later"
    )


def machine_drafts(stories: Path) -> list[Draft]:
    """The drafts of all videos as the machine left them.

    Args:
        stories: the ``--out`` folder of ``vn annotate``.

    Raises:
        InputError: it is none; no video has its shots yet; or a stage file is damaged.
    """
    drafts = read_drafts(stories, reviewed=False)
    if not drafts:
        raise InputError("no video has its shots yet; see vn annotate", file=stories)
    return drafts
