"""From parsed JSON or YAML to a `Story`, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError, show
from vn.io.field_reader import FieldReader
from vn.overlap import Overlap, settle
from vn.story import KEY, KEY_RULE, Clip, Knowledge, Story, is_seconds, parse_labels
from vn.timecode import seconds_of

FIELDS = (
    *("id", "title", "language", "domain", "knowledge", "clips", "category", "video", "aspect", "points"),
    *("start", "end", "labels", "narration", "facts"),
)


def parse_story(
    data: Any,
    *,
    file: str | Path | None = None,
    findings: Findings | None = None,
    clips_required: bool = True,
    default_id: str | None = None,
    overlap: Overlap = "refuse",
    source: str | None = None,
) -> Story:
    """Check and read a story.

    Args:
        data: the parsed JSON or YAML.
        file: named in errors.
        findings: collects the warnings (about clips that overlap).
        clips_required: a product file for ``vn narrate`` may have none.
        default_id: the id for a product file, which has none of its own.
        overlap: how clips that overlap are treated (`vn.overlap.settle`); our own files, whose stories were
            accepted before, are read with ``keep``.
        source: the text of a YAML file, for messages about values that YAML does not read as text.

    Raises:
        InputError: naming file, story and field.
    """
    reader = StoryReader(file, findings if findings is not None else Findings(), overlap, source)
    return reader.story(data, clips_required, default_id)


class StoryReader(FieldReader):
    """Checks a story field by field.

    Args:
        file: named in errors.
        findings: collects the warnings.
        overlap: how clips that overlap are treated.
        source: the text of a YAML file, in which an unquoted value may not be a text.

    Attributes:
        longest_overlap: longest overlap of the story's clips, in seconds.
    """

    def __init__(
        self, file: str | Path | None, findings: Findings, overlap: Overlap = "refuse", source: str | None = None
    ) -> None:
        super().__init__(file, source, FIELDS)
        self.findings = findings
        self.overlap = overlap
        self.longest_overlap = 0.0

    def story(self, data: Any, clips_required: bool, default_id: str | None) -> Story:
        """The story that a mapping holds; see `parse_story`."""
        known = ("id", "title", "language", "domain", "knowledge", "clips", "category", "video")
        if isinstance(data, Mapping) and isinstance(data.get("id"), str):
            self.id = data["id"]
        data = self.keys(data, known, "")
        identity = default_id if default_id is not None and "id" not in data else self.text(data, "id")
        self.id = identity
        if not KEY.fullmatch(identity):
            raise self.fail(KEY_RULE, "id")
        language = self.one_of(data.get("language"), ("zh", "en"), "language")
        domain = self.one_of(data.get("domain", "ad"), ("ad", "general"), "domain")
        video = data.get("video")
        if video is not None and not isinstance(video, str):
            raise self.fail_text(video, "video")
        category = None if data.get("category") is None else self.text_or_number(data["category"], "category")
        for text, line in self.written.several() if "，" in (self.source or "") else ():
            message = f"{show(text)} in line {line} is one text: lists need plain commas, each followed by a space"
            self.findings.add(message, file=self.file, sample=self.id)
        title = self.text(data, "title")
        knowledge = self.knowledge(data.get("knowledge") or [])
        clips = self.clips(data.get("clips"), clips_required)
        return Story(identity, title, language, domain, knowledge, clips, video, category)

    def knowledge(self, data: Any) -> tuple[Knowledge, ...]:
        """What is known about the product, as aspects with points."""
        if not isinstance(data, list | tuple):
            hint = "" if self.source is None else "; each begins with '- aspect:'"
            raise self.fail_form(f"expected a list of aspects, got {show(data)}{hint}", "knowledge")
        entries = []
        for i, item in enumerate(data):
            where = f"knowledge[{i}]."
            item = self.keys(item, ("aspect", "points"), where[:-1])
            points = item.get("points")
            if not isinstance(points, list | tuple):
                hint = "; write [one, two]" if self.source is not None and isinstance(points, str) else ""
                raise self.fail_form(f"expected a list of texts, got {show(points)}{hint}", where + "points")
            texts = tuple(self.text_or_number(point, f"{where}points[{n}]") for n, point in enumerate(points))
            entries.append(Knowledge(self.text(item, "aspect", where), texts))
        return tuple(entries)

    def clips(self, data: Any, required: bool) -> tuple[Clip, ...]:
        """The clips, with overlaps settled."""
        if not data:
            if required:
                raise self.fail("the story has no clips", "clips")
            return ()
        if not isinstance(data, list | tuple):
            raise self.fail_form(f"expected a list of clips, got {show(data)}", "clips")
        clips = [self.clip(item, f"clips[{i}]") for i, item in enumerate(data)]
        spans, self.longest_overlap = settle(
            [(clip.start, clip.end) for clip in clips],
            self.overlap,
            self.findings,
            file=self.file,
            sample=self.id,
            field=lambda i, part: f"clips[{i}]" + (f".{part}" if part else ""),
        )
        return tuple(replace(clip, start=start, end=end) for clip, (start, end) in zip(clips, spans, strict=True))

    def clip(self, data: Any, where: str) -> Clip:
        """One clip; `where` names it in errors."""
        data = self.keys(data, ("start", "end", "labels", "narration", "facts"), where)
        times = []
        for name in ("start", "end"):
            value = data.get(name)
            if isinstance(value, str):
                value = seconds_of(value)  # "1:05", as people write it; YAML itself reads 1:05 as 65
            if not is_seconds(value):
                raise self.fail_form(f"expected seconds, or MM:SS, got {show(data.get(name))}", f"{where}.{name}")
            times.append(float(value))
        if times[1] <= times[0]:
            raise self.fail(f"ends at {times[1]:g} s, but starts at {times[0]:g} s", f"{where}.end")
        labels = data.get("labels")
        if labels is not None:
            if isinstance(labels, str):
                labels = [labels]
            if not isinstance(labels, list | tuple) or not labels or not all(isinstance(name, str) for name in labels):
                raise self.fail(f"expected a list of script labels, got {show(labels)}", f"{where}.labels")
            try:
                labels = parse_labels(labels)
            except InputError as error:
                raise self.fail(str(error), f"{where}.labels") from None
        narration = data.get("narration")
        if narration is not None:
            narration = " ".join(self.text(data, "narration", f"{where}.").split())
        facts = data.get("facts")
        if facts is not None and not isinstance(facts, Mapping):
            raise self.fail(f"expected a mapping, got {show(facts)}", f"{where}.facts")
        try:  # anything goes, as long as a shard can hold it
            json.dumps(facts, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise self.fail(f"cannot be written as JSON ({error})", f"{where}.facts") from None
        return Clip(times[0], times[1], labels, narration, facts)
