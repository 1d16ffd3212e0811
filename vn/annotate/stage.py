"""What a stage of the annotation is: one video in, one JSON value out, with everything that it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from vn.errors import Findings, InputError
from vn.story import Language, Story

STAGES = ("shots", "speech", "on_screen", "knowledge", "refine", "labels", "review")
"""The stages in their order; ``write`` follows, for all videos at once."""

STEPS = (*STAGES, "write")
"""What ``--from`` and ``--until`` name."""


class StageFailed(InputError):
    """A whole stage cannot go on, e.g. its endpoint is gone: the command stops, and what is done is kept."""


@dataclass(frozen=True, slots=True)
class RawVideo:
    """A video to annotate.

    Attributes:
        id: the story's id.
        file: the video.
        sha256: hash of the file.
        language: language of its speech.
        product: what it advertises: a Story without clips, from its product file; None if there is none.
        page: the product's page as text, to find knowledge in; None if there is none.
        product_id: the same for all videos of one product, which stay in one split.
    """

    id: str
    file: Path
    sha256: str
    language: Language
    product: Story | None = None
    page: Path | None = None
    product_id: str | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something for a person to look at.

    Attributes:
        why: one sentence, as "the correction is 14 characters from what was recognised".
        kind: a word that is counted: ``far``, ``number``, ``private``, ``across``, ``label``, ``unsourced`` ...
        clip: number of the clip, from 0; None: the whole video.
    """

    why: str
    kind: str
    clip: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The mark as JSON."""
        return {"why": self.why, "kind": self.kind, **({} if self.clip is None else {"clip": self.clip})}


@dataclass(slots=True)
class Made:
    """What a stage made of one video.

    Attributes:
        result: JSON of one of the classes in `vn.annotate.results`.
        marks: what a person should look at.
        counts: what is counted over all videos, by a word: ``silent``, ``two languages``, ``refused`` ...
    """

    result: dict[str, Any]
    marks: list[Mark] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)


Before = Mapping[str, Mapping[str, Any]]
"""Results of the earlier stages for the same video, by stage; a stage that was not asked for has none."""


class Stage(Protocol):
    """One stage; `make` is a pure function of its arguments and `key`."""

    @property
    def name(self) -> str:
        """One of `STAGES`."""

    @property
    def key(self) -> str:
        """What its results depend on besides the video and earlier results: settings, versions, hashes of models."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The earlier stages whose results it reads; only a change of those makes it run again."""

    @property
    def reads(self) -> tuple[str, ...]:
        """What it reads of a `RawVideo` besides the file: any of ``language``, ``product`` and ``page``."""

    def make(self, video: RawVideo, before: Before, findings: Findings) -> Made:
        """Work on one video.

        Raises:
            InputError: the video is bad: it is counted, and the others go on.
            StageFailed: the whole stage cannot go on.
        """

    def make_all(self, videos: Sequence[tuple[RawVideo, Before]]) -> None:
        """Called once before the first `make`, with the videos that have no result yet; may do nothing.

        Not called for ``shots`` and ``speech``: they work on a video while others have no results yet.
        """

    def report(self) -> dict[str, float]:
        """What it cost in this process: seconds and requests by name, for the end of the command."""


@runtime_checkable
class KeyedByVideo(Protocol):
    """A stage that also depends on files of its own for each video, e.g. the subtitles beside it."""

    def key_for(self, video: RawVideo) -> str:
        """The key for one video, instead of ``key``."""


@runtime_checkable
class Warns(Protocol):
    """A stage with warnings that are about no video of the command: they are given each time."""

    @property
    def findings(self) -> Findings:
        """The warnings."""


@runtime_checkable
class WorksAhead(Protocol):
    """A stage that can do part of its work for a video in another thread, while it is busy with an earlier one."""

    def ahead(self, video: RawVideo) -> None:
        """Do that part, and remember it.

        Raises:
            InputError: the video is bad.
        """
