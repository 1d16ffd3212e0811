"""What is scored: predictions beside the stories they were written for (docs/design.md#predictions).

Every clip that should have a narration becomes one `ScoredClip`, whether it was written, left empty or never predicted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError, did_you_mean, show
from vn.io.files import parse_json, read_text
from vn.story import Labels, Language, Story, WordRange, parse_labels
from vn.story_reader import parse_story

FIELDS = (
    "video",
    "clip",
    "start",
    "end",
    "labels",
    "labels_given",
    "label_odds",
    "narration",
    "word_range",
    "range_source",
    "dtype",
    "reference",
    "reference_labels",
)
NEEDED = ("video", "clip", "narration")
SOURCES = ("duration", "reference")
HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """A clip of a test: what was written for it, and what should have been written.

    Attributes:
        predicted: whether there is a prediction at all; without one the narration is empty.
        labels: those the model wrote; None if it wrote none (they were given, or it has no storyline).
        asked: the labels it was asked for, if they were given.
        words: the word range asked for, and `source` where it came from; None if unknown.
    """

    video: str
    clip: int
    predicted: bool
    narration: str
    labels: Labels | None
    labels_given: bool
    words: WordRange | None
    source: str | None
    reference: str | None
    reference_labels: Labels | None
    asked: Labels | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """All clips of a test by video and number, their language, and the stories if they are known."""

    clips: tuple[ScoredClip, ...]
    language: Language
    stories: tuple[Story, ...]

    __test__ = False  # not one of pytest's


def read_lines(file: str | Path) -> list[dict[str, Any]]:
    """Read a JSON Lines file of mappings.

    Raises:
        InputError: naming file and line.
    """
    text = read_text(file).rstrip()
    if not text:
        raise InputError("is empty", file=file)
    lines = []
    for number, line in enumerate(text.split("\n"), 1):
        value = parse_json(line, f"{file}:{number}", line=None)
        if not isinstance(value, dict):
            raise InputError(f"expected a mapping, got {type(value).__name__}", file=f"{file}:{number}")
        lines.append(value)
    return lines


def gather(
    predictions: Sequence[Mapping[str, Any]],
    stories: Sequence[Mapping[str, Any] | Story] | None = None,
    *,
    storyline_given: bool = False,
    file: str | Path | None = None,
    stories_file: str | Path | None = None,
    findings: Findings | None = None,
) -> Test:
    """Check predictions and match them with their stories.

    Args:
        predictions: lines of ``predictions.*.jsonl``.
        stories: lines of ``stories.jsonl``; their narrations and labels are the references, and a narrated clip
            without a prediction counts as an empty narration. None: the predictions' own references count. Those that
            `parse_stories` has read are not read again.
        storyline_given: the test gave each clip its labels; a story that lacks them and has no predictions is not
            part of it.
        file: named in errors about predictions.
        stories_file: named in errors about stories.
        findings: takes stories left out, and clips whose own reference is not the story's.

    Raises:
        InputError: a wrong line, a clip that occurs twice, a video or clip that the stories do not have, or several
            languages at once.
    """
    read: dict[tuple[str, int], ScoredClip] = {}
    for number, line in enumerate(predictions, 1):
        clip = _Line(line, f"{file}:{number}" if file else f"prediction {number}").clip()
        if (clip.video, clip.clip) in read:
            raise InputError(f"clip {clip.clip} is predicted twice", file=file, sample=clip.video)
        read[clip.video, clip.clip] = clip
    if not read:
        raise InputError("there are no predictions", file=file)
    known: tuple[Story, ...] = ()
    if stories is not None:
        findings = findings if findings is not None else Findings()
        known = parse_stories(stories, stories_file)
        if storyline_given:
            known = _labelled(known, {video for video, _ in read}, findings)
        read = _beside(read, known, file, findings)
    clips = tuple(read[place] for place in sorted(read))
    if any(clip.words for clip in clips):
        for clip in clips:
            if clip.predicted and not clip.words:
                raise InputError(f"clip {clip.clip} has no word_range, others have", file=file, sample=clip.video)
    languages = {story.language for story in known} or {_guess(clips)}
    if len(languages) > 1:
        raise InputError("the stories are in several languages; score each separately", file=stories_file)
    return Test(clips, languages.pop(), known)


def parse_stories(lines: Iterable[Mapping[str, Any] | Story], file: str | Path | None = None) -> tuple[Story, ...]:
    """The stories of a ``stories.jsonl``.

    Raises:
        InputError: naming the line and what is wrong, or a story that occurs twice.
    """
    stories: dict[str, Story] = {}
    for number, line in enumerate(lines, 1):
        place = f"{file}:{number}" if file else None
        story = line if isinstance(line, Story) else parse_story(line, file=place, overlap="keep")
        if story.id in stories:
            raise InputError("occurs twice", file=file, sample=story.id)
        stories[story.id] = story
    return tuple(stories.values())


def _labelled(stories: Sequence[Story], predicted: set[str], findings: Findings) -> tuple[Story, ...]:
    kept = []
    for story in stories:
        if story.id in predicted or all(story.clips[i].labels for i in story.narrated):
            kept.append(story)
        else:
            findings.add("has no script labels to give, so it is not part of this test", sample=story.id)
    return tuple(kept)


def _beside(
    read: dict[tuple[str, int], ScoredClip], stories: Sequence[Story], file: str | Path | None, findings: Findings
) -> dict[tuple[str, int], ScoredClip]:
    by_id = {story.id: story for story in stories}
    for video, number in read:
        if video not in by_id:
            raise InputError(f"the stories have no such video{did_you_mean(video, by_id)}", file=file, sample=video)
        if number >= len(by_id[video].clips):
            message = f"there is no clip {number}, the story has {len(by_id[video].clips)}"
            raise InputError(message, file=file, sample=video, field="clip")
    done = {}
    for story in stories:
        for number, clip in enumerate(story.clips):
            own = read.get((story.id, number))
            if own is None and not clip.narration:
                continue
            if own is not None and own.reference is not None and own.reference != clip.narration:
                findings.add(
                    f"the reference of clip {number} is not the story's, which counts", file=file, sample=story.id
                )
            done[story.id, number] = ScoredClip(
                video=story.id,
                clip=number,
                predicted=own is not None,
                narration=own.narration if own else "",
                labels=own.labels if own else None,
                labels_given=own.labels_given if own else False,
                words=own.words if own else None,
                source=own.source if own else None,
                reference=clip.narration,
                reference_labels=clip.labels,
                asked=own.asked if own else None,
            )
    return done


def _guess(clips: Iterable[ScoredClip]) -> Language:
    """Chinese if any text has a Chinese character: a guess without stories."""
    return "zh" if any(HAN.search(f"{clip.narration}{clip.reference or ''}") for clip in clips) else "en"


class _Line:
    """Checks one line field by field, so that every error names file, line and field."""

    def __init__(self, line: Mapping[str, Any], place: str) -> None:
        self.line = line
        self.place = place
        self.video = line.get("video")

    def fail(self, message: str, field: str | None = None) -> InputError:
        return InputError(
            message, file=self.place, sample=self.video if isinstance(self.video, str) else None, field=field
        )

    def clip(self) -> ScoredClip:
        for name in self.line:
            if name not in FIELDS:
                raise self.fail(f"unknown field {show(name)}{did_you_mean(str(name), FIELDS)}")
        for name in NEEDED:
            if name not in self.line:
                raise self.fail("is missing", name)
        video, number = self.line["video"], self.line["clip"]
        if not isinstance(video, str) or not video:
            raise self.fail(f"expected a text, got {show(video)}", "video")
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise self.fail(f"expected the clip's number from 0, got {show(number)}", "clip")
        source = self.line.get("range_source")
        if source is not None and source not in SOURCES:
            raise self.fail(f"expected one of {', '.join(SOURCES)}, got {show(source)}", "range_source")
        reference = self.text("reference") if self.line.get("reference") is not None else None
        return ScoredClip(
            video=video,
            clip=number,
            predicted=True,
            narration=self.text("narration"),
            labels=self.labels("labels"),
            labels_given=self.labels("labels_given") is not None,
            words=self.words(),
            source=source,
            reference=reference or None,
            reference_labels=self.labels("reference_labels") or None,
            asked=self.labels("labels_given") or None,
        )

    def text(self, name: str) -> str:
        value = self.line[name]
        if not isinstance(value, str):
            raise self.fail(f"expected a text, got {show(value)}", name)
        return " ".join(value.split())

    def labels(self, name: str) -> Labels | None:
        value = self.line.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
            raise self.fail(f"expected a list of script labels, got {show(value)}", name)
        try:
            return parse_labels(value)
        except InputError as error:
            raise self.fail(str(error), name) from None

    def words(self) -> WordRange | None:
        value = self.line.get("word_range")
        if value is None:
            return None
        whole = isinstance(value, list) and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
        if not whole or len(value) != 2 or not 0 <= value[0] <= value[1]:
            raise self.fail(f"expected [low, high] in words, got {show(value)}", "word_range")
        return WordRange(*value)
