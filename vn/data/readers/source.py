"""What all readers share: the source story, the context, and checks of times in whole seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from vn.errors import Findings, InputError
from vn.io.files import parse_json, read_text
from vn.overlap import ROUNDING, Overlap, settle
from vn.story import KEY, KEY_RULE, Story

Split = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class SourceStory:
    """A story as read from a source.

    Attributes:
        story: the story; without clips only if the source allows it: they are then found in the video.
        split: the split that the source gives; None: train, of which a share becomes the val split.
        group: its video's id or name; stories of one video stay in one split.
        file: the file that it is from; errors name it.
    """

    story: Story
    split: Split | None
    group: str
    file: Path


@dataclass(slots=True)
class ReadContext:
    """The options of a reader, and its warnings and errors.

    Attributes:
        findings: warnings.
        bad: stories that cannot be used; None: the first one raises.
        topic: see `vn.data.readers.read`.
        overlap: how clips that overlap are treated.
        overlaps: the longest overlap of each story in seconds, by id; without ``trim``, only those above a second.
    """

    findings: Findings
    bad: list[InputError] | None = None
    topic: str | None = None
    overlap: Overlap = "refuse"
    overlaps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def story(self) -> Iterator[None]:
        """Around the reading of one story: an `InputError` leaves out that story only, if `bad` is a list."""
        try:
            yield
        except InputError as error:
            if self.bad is None:
                raise
            self.bad.append(error)

    def overlapping(self, story: str, seconds: float) -> None:
        """Record a story's longest overlap; one of up to a second that is kept is rounding, and not recorded."""
        if seconds > (0 if self.overlap == "trim" else ROUNDING):
            self.overlaps[story] = seconds

    def tell_overlaps(self) -> None:
        """Count the stories whose clips overlap, in a warning before all others."""
        if not self.overlaps:
            return
        first, count = next(iter(self.overlaps)), len(self.overlaps)
        what = {"keep": "are kept as they are", "trim": "are trimmed where the next one starts"}[self.overlap]
        self.findings.lines.insert(
            0,
            f"{count} {'story has' if count == 1 else 'stories have'} clips that overlap, by up to "
            f"{max(self.overlaps.values()):g} s, the first is {first}; they {what} (--overlap {self.overlap})",
        )


class Reader(Protocol):
    """A source of stories: a function that reads annotations.

    Registered in `vn.data.readers`, or by another package as an entry point of the group ``vn.readers``.
    """

    def __call__(self, path: Path, context: ReadContext) -> Sequence[SourceStory]:
        """The stories of a file or folder, in its order.

        Args:
            path: what the user names; it exists.
            context: what is asked for; takes findings and, inside ``with context.story():``, stories that cannot be
                used.

        Raises:
            InputError: naming file, story and field.
        """
        ...


def story_id(name: str, file: Path) -> str:
    """An id from a video's file name (``.mp4`` is dropped); shard keys allow letters, digits, '_' and '-' only."""
    identity = name.removesuffix(".mp4")
    if not KEY.fullmatch(identity):
        raise InputError(KEY_RULE, file=file, sample=name, field="id")
    return identity


def whole_seconds(
    times: Sequence[tuple[float, float]], fields: Sequence[str], file: Path, sample: str, context: ReadContext
) -> list[tuple[float, float]]:
    """The times of a story's clips in a source with whole seconds (docs/method.md#e-syncvidstory).

    A clip that starts and ends in the same second is taken to last one, with a warning; for clips that overlap
    see `vn.overlap.settle`.

    Args:
        times: start and end of each clip, as the file has them.
        fields: the field of each of them, for messages.
        file: named in messages.
        sample: the story's id, for messages.
        context: states how clips that overlap are treated.

    Raises:
        InputError: a clip ends before it starts, or overlaps another one as `context` does not allow.
    """
    spans = []
    for (start, end), where in zip(times, fields, strict=True):
        if end < start:
            message = f"ends at {end:g} s, but starts at {start:g} s"
            raise InputError(message, file=file, sample=sample, field=where)
        if end == start:
            message = f"starts and ends at {start:g} s; taken as one second long"
            context.findings.add(message, file=file, sample=sample, field=where)
            end = start + 1
        spans.append((float(start), float(end)))
    spans, longest = settle(
        spans, context.overlap, context.findings, file=file, sample=sample, field=lambda clip, _: fields[clip]
    )
    context.overlapping(sample, longest)
    return spans


class JsonObject(dict[str, Any]):
    """A JSON object that records a name that appeared twice (Python silently keeps the last one)."""

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
    """Raise if an object at any depth has the same name twice.

    Args:
        data: from `load_json`.
        file: named in errors.
        sample: the story it belongs to.
        where: the field that `data` is.
    """
    if isinstance(data, JsonObject):
        if data.twice is not None:
            field = f"{where}.{data.twice}" if where else data.twice
            raise InputError("appears twice", file=file, sample=sample, field=field)
        for name, value in data.items():
            refuse_twice(value, file, sample, f"{where}.{name}" if where else name)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            refuse_twice(value, file, sample, f"{where}[{i}]")
