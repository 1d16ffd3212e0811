"""What every reader gives and shares: the source story, its context, and checks of whole-second times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vn.errors import Findings, InputError
from vn.files import parse_json, read_text
from vn.story import KEY, KEY_RULE, OVERLAP_TOLERANCE, Story

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class SourceStory:
    """A story as a source gives it.

    Attributes:
        story: without clips only where the source allows it: they are found in the video.
        split: where the source puts it; None: train, of which the val split takes its share.
        group: the id of its video; stories of one video stay in one split.
        file: where it is written; errors name it.
    """

    story: Story
    split: Split | None
    group: str
    file: Path


@dataclass(slots=True)
class ReadContext:
    """What a reader is told, and where it puts what it finds.

    Attributes:
        findings: warnings.
        bad: stories that cannot be used; None: the first one raises.
        topic: see `vn.data.readers.read`.
        test_ids: ids of the test split, without ``.mp4``.
        matched_test_ids: those that named a story.
    """

    findings: Findings
    bad: list[InputError] | None = None
    topic: str | None = None
    test_ids: frozenset[str] = frozenset()
    matched_test_ids: set[str] = field(default_factory=set)

    @contextmanager
    def story(self) -> Iterator[None]:
        """Around the reading of one story: an `InputError` costs that story only, where that is wanted."""
        try:
            yield
        except InputError as error:
            if self.bad is None:
                raise
            self.bad.append(error)

    def split_of(self, *ids: str) -> Split | None:
        """Test, where one of a story's ids is in the list of test ids; its other names count as found too."""
        named = self.test_ids.intersection(ids)
        self.matched_test_ids |= named
        return "test" if named else None


def story_id(name: str, file: Path) -> str:
    """An id from a video's file name (``.mp4`` is dropped); shard keys allow few characters."""
    identity = name.removesuffix(".mp4")
    if not KEY.fullmatch(identity):
        raise InputError(KEY_RULE, file=file, sample=name, field="id")
    return identity


class WholeSecondTimes:
    """Checks the times of a story's clips one after another, where a source has whole seconds (spec "Data").

    A clip that starts and ends in the same second is taken to last one; clips may overlap by a second. Both are
    findings; anything worse raises.
    """

    def __init__(self, file: Path, sample: str, findings: Findings) -> None:
        self.file = file
        self.sample = sample
        self.findings = findings
        self.previous_end = 0.0

    def clip(self, start: float, end: float, where: str) -> tuple[float, float]:
        """Start and end of the next clip, in seconds; `where` is the field, for messages."""
        if end < start:
            raise InputError(
                f"ends at {end:g} s, but starts at {start:g} s", file=self.file, sample=self.sample, field=where
            )
        overlap = self.previous_end - start
        if overlap > OVERLAP_TOLERANCE:
            message = f"starts {overlap:g} s before the clip before it ends"
            raise InputError(message, file=self.file, sample=self.sample, field=where)
        if overlap > 0:
            self._warn(f"starts {overlap:g} s before the clip before it ends", where)
        if end == start:
            self._warn(f"starts and ends at {start:g} s; taken as one second long", where)
            end = start + 1
        self.previous_end = end
        return float(start), float(end)

    def _warn(self, message: str, where: str) -> None:
        self.findings.add(message, file=self.file, sample=self.sample, field=where)


class JsonObject(dict[str, Any]):
    """A JSON object that knows which of its names stood twice (Python keeps the last one silently)."""

    twice: str | None = None


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    made = JsonObject()
    for name, value in pairs:
        if name in made:
            made.twice = name
        made[name] = value
    return made


def load_json(file: Path) -> Any:
    """Read a JSON file; objects become `JsonObject`, to be checked with `refuse_twice`."""
    return parse_lines(read_text(file), file)


def parse_lines(text: str, file: Path, line: int = 1) -> Any:
    """The same for a part of a file that begins at a line."""
    return parse_json(text, file, line, _object)


def refuse_twice(data: Any, file: Path, sample: str | None = None, where: str = "") -> None:
    """Raise where an object at any depth has the same name twice, naming the place.

    Args:
        data: from `load_json`.
        file: named in errors.
        sample: the story it belongs to.
        where: the field that `data` is.
    """
    if isinstance(data, JsonObject):
        if data.twice is not None:
            field = f"{where}.{data.twice}" if where else data.twice
            raise InputError("stands twice", file=file, sample=sample, field=field)
        for name, value in data.items():
            refuse_twice(value, file, sample, f"{where}.{name}" if where else name)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            refuse_twice(value, file, sample, f"{where}[{i}]")
