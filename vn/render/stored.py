"""A story's folder as its page and the files for editors read it: ``story.json``, and ``render.json`` if it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vn.errors import Findings, InputError, show
from vn.io.field_reader import FieldReader
from vn.io.files import read_json
from vn.io.paths import find
from vn.render.stored_render import Rendered, read_rendered
from vn.story import Story, WordRange
from vn.story_file.edit import ADDED, NOT_A_STORYS
from vn.story_file.record import FIELDS, read_record
from vn.story_reader import parse_story
from vn.subtitles.cues import Cue, cues
from vn.subtitles.read_vtt import read_vtt

STORY, RENDER, SUBTITLES = "story.json", "render.json", "story.vtt"
OURS = {*NOT_A_STORYS, "render"}  # fields of the file that a Story does not have

Point = tuple[str, str]  # aspect and point


@dataclass(frozen=True, slots=True)
class Made:
    """How a clip's narration was made.

    Attributes:
        words: the range asked for; None if the clip was not narrated yet.
        odds: script labels and their probabilities, the most probable first.
        used: the knowledge points that the narration uses.
        yours: which of labels and narration are the user's.
    """

    words: WordRange | None = None
    odds: Sequence[tuple[str, float]] = ()
    used: Sequence[Point] = ()
    yours: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A story in its folder.

    Attributes:
        folder: the folder.
        story: the story, its clips in the order of their times.
        made: how each clip was made.
        dropped: the knowledge points that were left out of the prompts.
        warnings: those of the story's file.
        video: the rendered video, or else the original one if it is found.
        original: the original video, if it is found.
        burnt: whether the rendered video has its subtitles drawn into the frames.
        rendered: what ``vn render`` has written; None if the story is not rendered.
    """

    folder: Path
    story: Story
    made: Sequence[Made]
    dropped: Sequence[Point]
    warnings: Sequence[str]
    video: Path | None
    original: Path | None
    burnt: bool
    rendered: Rendered | None

    @property
    def duration(self) -> float:
        """Seconds: to the end of the video, or of the last clip if it is later or the video's end is unknown."""
        return max(self.story.end, self.rendered.duration if self.rendered else 0.0)


def read_stored(folder: Path) -> Stored:
    """Read a story's folder.

    Raises:
        InputError: there is no story, or one of the two files is not as ``vn`` writes it.
    """
    file = folder / STORY
    data = read_json(file)
    if not isinstance(data, dict):
        raise InputError(f"expected a story, got {show(data)}", file=file)
    clips = data.get("clips")
    entries: list[Any] = clips if isinstance(clips, list) else []
    bare = {name: value for name, value in data.items() if name not in OURS}
    bare["clips"] = [_bare(entry) for entry in entries]
    story = parse_story(bare, file=file, findings=Findings(), overlap="keep")
    order = sorted(range(len(entries)), key=lambda i: story.clips[i].start)
    reader = _Reader(file)
    reader.id = story.id
    made = [reader.made(entries[i], f"clips[{i}]") for i in order]
    dropped = reader.points(data.get("knowledge_dropped"), "knowledge_dropped")
    warnings = reader.texts(data.get("warnings"), "warnings")
    render = folder / RENDER
    rendered = read_rendered(render, len(entries)) if render.exists() else None
    original = _original(data, folder)
    made_video = folder / rendered.video if rendered is not None and rendered.video is not None else None
    video = made_video if made_video is not None and made_video.is_file() else None
    return Stored(
        folder=folder,
        story=replace(story, clips=tuple(story.clips[i] for i in order)),
        made=made,
        dropped=dropped,
        warnings=warnings,
        video=video or original,
        original=original,
        burnt=video is not None and isinstance(data.get("render"), dict) and data["render"].get("burn") is True,
        rendered=rendered,
    )


def story_cues(stored: Stored) -> list[Cue]:
    """A story's subtitles: those of its ``story.vtt``, or, if there is none, of its clips."""
    file = stored.folder / SUBTITLES
    if file.exists():
        return read_vtt(file)
    clips = [(clip.start, clip.end, clip.narration or "") for clip in stored.story.clips]
    upright = stored.rendered is not None and stored.rendered.height > stored.rendered.width
    return cues(clips, stored.story.language, upright)


def _original(data: Mapping[str, Any], folder: Path) -> Path | None:
    before = read_record(data, folder)
    found = before.video if before is not None else None
    place = Path(found) if found else find([data.get("video")], folder)
    return place if place is not None and place.is_file() else None


def _bare(entry: Any) -> Any:
    """The entry of a story's clip, without how it was made and without emptied fields."""
    if not isinstance(entry, dict):
        return entry  # the reader reports it
    return {k: v for k, v in entry.items() if k not in ADDED and not (k in FIELDS and v in (None, "", []))}


class _Reader(FieldReader):
    """Reads what ``vn narrate`` adds to a story."""

    def made(self, entry: Mapping[str, Any], where: str) -> Made:
        """How a clip was made."""
        return Made(
            self.range(entry.get("word_range"), f"{where}.word_range"),
            self.odds(entry.get("label_odds"), f"{where}.label_odds"),
            self.points(entry.get("knowledge_used"), f"{where}.knowledge_used"),
            [name for name in self.texts(entry.get("fixed"), f"{where}.fixed") if name in FIELDS],
        )

    def range(self, value: Any, where: str) -> WordRange | None:
        """A word range, if there is one."""
        if value is None:
            return None
        whole = isinstance(value, list) and len(value) == 2 and all(type(each) is int for each in value)
        if not whole or not 0 <= value[0] <= value[1]:
            raise self.fail(f"expected the lowest and the highest number of words, got {show(value)}", where)
        return WordRange(*value)

    def odds(self, value: Any, where: str) -> list[tuple[str, float]]:
        """Labels and their probabilities, the most probable first."""
        if value is None:
            return []
        fine = isinstance(value, dict) and all(
            isinstance(odds, int | float) and not isinstance(odds, bool) and 0 <= odds <= 1 for odds in value.values()
        )
        if not fine:
            raise self.fail(f"expected script labels and their probabilities, 0 to 1, got {show(value)}", where)
        return sorted(((label, float(odds)) for label, odds in value.items()), key=lambda each: -each[1])

    def points(self, value: Any, where: str) -> list[Point]:
        """Knowledge points with their aspects."""
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.fail(f"expected a list of knowledge points, got {show(value)}", where)
        found = []
        for i, item in enumerate(value):
            place = f"{where}[{i}]"
            item = self.keys(item, ("aspect", "point"), place)
            found.append((self.text(item, "aspect", f"{place}."), self.text(item, "point", f"{place}.")))
        return found

    def texts(self, value: Any, where: str) -> list[str]:
        """A list of texts; empty if the field is missing."""
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise self.fail(f"expected a list of texts, got {show(value)}", where)
        return value
