"""E-SyncVidStory: Chinese ads in the released JSON schema (docs/method.md#e-syncvidstory)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from vn.data.readers.prompt_list import refuse_prompt_list
from vn.data.readers.source import (
    JsonObject,
    ReadContext,
    SourceStory,
    load_json,
    refuse_twice,
    story_id,
    whole_seconds,
)
from vn.errors import InputError, show
from vn.story import Clip, Knowledge, Labels, Story, is_seconds, parse_labels

ASPECT = re.compile(r"(?P<aspect>[^：:\s][^：:]*?)\s*[：:]")
NO_ASPECT = "其他"  # for points before any aspect is named


def read(path: Path, context: ReadContext) -> list[SourceStory]:
    """Read a file keyed by ``<id>.mp4``; see `vn.data.readers.read`."""
    data = load_json(path)
    refuse_prompt_list(data, path, lists_are_stories=False)
    if not isinstance(data, JsonObject):
        raise InputError(f"expected an object keyed by <id>.mp4, got a {type(data).__name__}", file=path)
    if data.twice is not None:
        raise InputError("the id appears twice", file=path, sample=data.twice)
    stories = []
    for name, entry in data.items():
        with context.story():
            story = _Entry(path, name, context).story(entry)
            stories.append(SourceStory(story, None, story.id, path))
    return stories


class _Entry:
    """One video's entry; errors name its fields as the file does."""

    def __init__(self, file: Path, name: str, context: ReadContext) -> None:
        self.file = file
        self.name = name
        self.context = context
        self.findings = context.findings

    def fail(self, message: str, where: str | None = None) -> InputError:
        return InputError(message, file=self.file, sample=self.name, field=where)

    def story(self, entry: Any) -> Story:
        if not isinstance(entry, dict):
            raise self.fail(f"expected an object, got {show(entry)}")
        refuse_twice(entry, self.file, self.name)
        title = entry.get("p_name")
        if not isinstance(title, str) or not title.strip():
            raise self.fail(f"expected the product's name, got {show(title)}", "p_name")
        link = entry.get("link")
        kind = entry.get("type")
        if kind is not None and not isinstance(kind, str):
            raise self.fail(f"expected a text, got {show(kind)}", "type")
        return Story(
            id=story_id(self.name, self.file),
            title=title.strip(),
            language="zh",
            domain="ad",
            knowledge=self.knowledge(entry.get("p_info") or ""),
            clips=self.clips(entry.get("frames")),
            video=link.strip() if isinstance(link, str) and link.strip() else self.name,
            category=" ".join((kind or "").split()) or None,
        )

    def knowledge(self, text: Any) -> tuple[Knowledge, ...]:
        """Lines of ``aspect：point、point``, with a full-width or an ASCII colon."""
        if not isinstance(text, str):
            raise self.fail(f"expected lines 'aspect：point、point', got {show(text)}", "p_info")
        found: dict[str, list[str]] = {}
        aspect = NO_ASPECT
        for line in filter(None, map(str.strip, text.splitlines())):
            named = ASPECT.match(line)
            if named:
                aspect, line = named["aspect"], line[named.end() :]
            else:  # a point broken over two lines is still knowledge about the product
                message = f"no aspect before a colon in {show(line)}; taken as more about {show(aspect)}"
                self.findings.add(message, file=self.file, sample=self.name, field="p_info")
            found.setdefault(aspect, []).extend(point.strip() for point in line.split("、") if point.strip())
        return tuple(Knowledge(aspect, tuple(points)) for aspect, points in found.items() if points)

    def clips(self, frames: Any) -> tuple[Clip, ...]:
        if not isinstance(frames, list) or not frames:
            raise self.fail("the story has no clips", "frames")
        told: list[tuple[Labels | None, str | None]] = []
        times = []
        for i, frame in enumerate(frames):
            where = f"frames[{i}]"
            if not isinstance(frame, dict):
                raise self.fail(f"expected an object, got {show(frame)}", where)
            time = frame.get("time")
            if not isinstance(time, list) or len(time) != 2 or not all(map(is_seconds, time)):
                raise self.fail(f"expected [start, end] in seconds, got {show(time)}", f"{where}.time")
            times.append((time[0], time[1]))
            narration = frame.get("new_text")
            if narration is not None and not isinstance(narration, str):
                raise self.fail(f"expected a text, got {show(narration)}", f"{where}.new_text")
            labels = self.labels(frame.get("label"), f"{where}.label")
            told.append((labels, " ".join((narration or "").split()) or None))
        fields = [f"frames[{i}].time" for i in range(len(told))]
        spans = whole_seconds(times, fields, self.file, self.name, self.context)
        return tuple(Clip(*span, *texts) for span, texts in zip(spans, told, strict=True))

    def labels(self, text: Any, where: str) -> Labels | None:
        if text is None or text == "":
            return None
        if not isinstance(text, str):
            raise self.fail(f"expected a script label, got {show(text)}", where)
        try:
            return parse_labels(text)
        except InputError as error:
            raise self.fail(str(error), where) from None
