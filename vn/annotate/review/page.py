"""``batch-001.html`` ...: a page per batch of videos, each one file that opens without a network."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.annotate.draft import Draft
from vn.annotate.review.batches import batches_of, write_batches
from vn.annotate.review.drafts import content_of
from vn.annotate.review.media import Media
from vn.annotate.stage import Mark
from vn.annotate.stage_file import digest
from vn.compare.page import script_json
from vn.data.video import VideoReader
from vn.errors import Findings
from vn.io.atomic import write_text
from vn.io.files import read_yaml
from vn.story import Language, ScriptLabel

FOLDER = Path(__file__).with_name("page")
SCRIPTS = ("diff.js", "draft.js", "player.js", "review.js")
PLAYED = (".mp4", ".m4v", ".webm", ".mov", ".ogv")  # what browsers play, if they know the codec


@dataclass(frozen=True, slots=True)
class PageSettings:
    """How pages are written.

    Attributes:
        size: videos per page.
        interface: language of the page; None: that of its first video.
        media_url: URL of the folder of the videos; None: their files, relative to the page.
        marked_first: new videos are put into batches by their number of marks, the most first.
    """

    size: int = 20
    interface: Language | None = None
    media_url: str | None = None
    marked_first: bool = False


def write_pages(folder: Path, drafts: Sequence[Draft], settings: PageSettings, findings: Findings) -> list[Path]:
    """Write the pages of all batches; pages of earlier batches are written again with the same videos.

    Args:
        folder: folder of the pages.
        drafts: all videos.
        settings: how.
        findings: receives the videos that browsers may not play.

    Returns:
        The pages.

    Raises:
        InputError: a video cannot be read, or a page cannot be written.
    """
    order = sorted(drafts, key=_marks, reverse=True) if settings.marked_first else drafts
    by_id = {draft.video.id: draft for draft in drafts}
    folder.mkdir(parents=True, exist_ok=True)
    batches = batches_of(folder, [draft.video.id for draft in order], settings.size)
    media = Media(folder, [draft.video.file for draft in drafts], settings.media_url)
    pages = []
    for name, videos in batches.items():
        own = [by_id[video] for video in videos if video in by_id]
        if not own:
            continue
        for draft in own:
            if (suffix := draft.video.file.suffix).lower() not in PLAYED:
                message = f"browsers play {' '.join(PLAYED)}, not {suffix}: {name}.html may not show it"
                findings.add(message, file=draft.video.file, sample=draft.video.id)
        pages.append(folder / f"{name}.html")
        write_text(pages[-1], page_of(name, own, media, settings.interface))
    write_batches(folder, batches)  # after the pages: it says which there are
    return pages


def page_of(name: str, drafts: Sequence[Draft], media: Media, interface: Language | None = None) -> str:
    """The page of one batch.

    Args:
        name: name of the batch.
        drafts: its videos.
        media: where the videos are.
        interface: language of the page; None: that of the first video.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown: Language = interface or drafts[0].video.language
    scripts = [(FOLDER / each).read_text("utf-8") for each in SCRIPTS]
    style = (FOLDER / "review.css").read_text("utf-8")
    return environment.get_template("review.html").render(
        t=texts(shown),
        lang={"zh": "zh-CN", "en": "en"}[shown],
        batch=name,
        scripts=[{"text": text, "hash": _hash(text)} for text in scripts],
        style=style,
        style_hash=_hash(style),
        media=media.source,
        data=script_json(page_data(name, drafts, media, shown)),
    )


def page_data(name: str, drafts: Sequence[Draft], media: Media, shown: Language) -> dict[str, Any]:
    """What the page's script reads.

    ``id`` stays the same for the same videos and ``content`` for the same drafts, so that the page knows whether what
    a browser kept is about another batch, or about an earlier state of this one.
    """
    return {
        "batch": name,
        "id": digest([[draft.video.id, draft.video.sha256] for draft in drafts])[:16],
        "content": digest([content_of(draft) for draft in drafts])[:16],
        "interface": shown,
        "texts": texts(shown),
        "labelled": any(clip.labels for draft in drafts for clip in draft.clips),
        "labels": [{"en": each.en, "zh": each.zh, "about": each.definition(shown)} for each in ScriptLabel],
        "videos": [_video(draft, media) for draft in drafts],
    }


def _video(draft: Draft, media: Media) -> dict[str, Any]:
    every, video = list(ScriptLabel), draft.video
    return {
        "id": video.id,
        "content": content_of(draft),
        "file": media.place(video.file),
        "fps": VideoReader(video.file, video.id).fps,
        "language": video.language,
        "title": draft.title,
        "knowledge": [[known.aspect, list(known.points)] for known in draft.knowledge],
        "marks": _shown(draft.marks),
        "clips": [
            {
                "start": clip.start,
                "end": clip.end,
                "recognised": clip.recognised or "",
                "text": clip.narration or "",
                "labels": [every.index(label) for label in clip.labels or ()],
                "marks": _shown(clip.marks),
            }
            for clip in draft.clips
        ],
    }


def _shown(marks: Sequence[Mark]) -> list[list[str]]:
    return [[mark.kind, mark.why] for mark in marks]


def _marks(draft: Draft) -> int:
    return len(draft.marks) + sum(len(clip.marks) for clip in draft.clips)


@functools.cache
def texts(language: Language) -> Mapping[str, Any]:
    """What the page says.

    >>> texts("en")["save"], texts("zh")["save"]
    ('Save', '保存')
    """
    found: Mapping[str, Any] = read_yaml(FOLDER / "texts.yaml")[language]
    return found


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
