"""``vn review export``: a task per video with the machine's result as prediction, and the labelling configuration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from vn.annotate.draft import Draft, DraftClip
from vn.annotate.review.drafts import content_of
from vn.annotate.review.label_studio.frames import frames_of
from vn.annotate.review.media import Media
from vn.data.video import VideoReader
from vn.io.atomic import write_text
from vn.story import Language, ScriptLabel

FOLDER = "label-studio"
TASKS, CONFIG = "tasks.json", "config.xml"
VIDEO, CLIPS, NARRATION, LABELS = "video", "clips", "narration", "labels"
REGION = {"en": "Clip", "zh": "片段"}
MODEL = "vn annotate"


def write_export(folder: Path, drafts: Sequence[Draft], media: Media) -> Path:
    """Write ``tasks.json`` and ``config.xml``.

    Args:
        folder: where.
        drafts: all videos.
        media: where Label Studio finds the videos.

    Returns:
        The tasks.

    Raises:
        InputError: a video cannot be read, or a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    language = _language(drafts)
    tasks = [task_of(draft, VideoReader(draft.video.file, draft.video.id).fps, media, language) for draft in drafts]
    write_text(folder / CONFIG, config(language))
    write_text(folder / TASKS, json.dumps(tasks, ensure_ascii=False, indent=1, allow_nan=False) + "\n")
    return folder / TASKS


def _language(drafts: Sequence[Draft]) -> Language:
    """The language of all videos; English if they have two."""
    return "zh" if all(draft.video.language == "zh" for draft in drafts) else "en"


def config(language: Language) -> str:
    """The labelling configuration: clips on the timeline; the narration and labels of each.

    Args:
        language: that of the labels' names.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Header", value="$title")
    ElementTree.SubElement(view, "Video", name=VIDEO, value="$video", frameRate="$fps", timelineHeight="120")
    clips = ElementTree.SubElement(view, "TimelineLabels", name=CLIPS, toName=VIDEO)
    ElementTree.SubElement(clips, "Label", value=REGION[language], background="#00568f")
    texts = {"name": NARRATION, "toName": VIDEO, "editable": "true", "rows": "3", "maxSubmissions": "1"}
    ElementTree.SubElement(view, "TextArea", {**texts, "perRegion": "true"})
    labels = ElementTree.SubElement(view, "Choices", name=LABELS, toName=VIDEO, perRegion="true", choice="multiple")
    for label in ScriptLabel:
        ElementTree.SubElement(labels, "Choice", value=label.text(language), hint=label.definition(language))
    ElementTree.SubElement(view, "Text", name="recognised", value="$recognised")
    ElementTree.SubElement(view, "Text", name="marks", value="$marks")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def task_of(draft: Draft, fps: float, media: Media, language: Language) -> dict[str, Any]:
    """The task of a video.

    Args:
        draft: the video.
        fps: its frames per second, by which Label Studio counts frames.
        media: where Label Studio finds it.
        language: that of the labels' names, as in `config`.
    """
    regions = [region for clip in enumerate(draft.clips, 1) for region in _regions(*clip, fps, language)]
    marked = len(draft.marked)
    lines = [f"{i + 1}. {clip.recognised or ''}" for i, clip in enumerate(draft.clips)]
    marks = [f"{mark.kind}: {mark.why}" for mark in draft.marks]
    marks += [f"{i + 1}. {mark.kind}: {mark.why}" for i, clip in enumerate(draft.clips) for mark in clip.marks]
    return {
        "data": {
            "video": media.place(draft.video.file),
            "fps": fps,
            "title": draft.title,
            "recognised": "\n".join(lines),
            "marks": "\n".join(marks) or "–",
            "story": draft.video.id,
            "content": content_of(draft),
            "language": draft.video.language,
        },
        # The share of clips that have no mark: Label Studio can sort tasks by it.
        "predictions": [{"model_version": MODEL, "score": 1 - marked / len(draft.clips), "result": regions}],
    }


def _regions(number: int, clip: DraftClip, fps: float, language: Language) -> list[dict[str, Any]]:
    """A clip: its frames, narration and labels are results of one id."""
    first, last = frames_of(clip.start, clip.end, fps)
    ranges = [{"start": first, "end": last}]

    def result(name: str, kind: str, value: list[str]) -> dict[str, Any]:
        key = "text" if kind == "textarea" else kind
        entry = {"id": f"clip-{number}", "from_name": name, "to_name": VIDEO, "type": kind}
        return entry | {"origin": "prediction", "value": {"ranges": ranges, key: value}}

    out = [result(CLIPS, "timelinelabels", [REGION[language]])]
    if clip.narration:
        out.append(result(NARRATION, "textarea", [clip.narration]))
    if clip.narration and clip.labels:
        out.append(result(LABELS, "choices", [label.text(language) for label in clip.labels]))
    return out
