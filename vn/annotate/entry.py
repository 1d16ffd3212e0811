"""A video on its way through the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vn.annotate.draft import Draft, draft_of
from vn.annotate.stage import STAGES, RawVideo
from vn.annotate.stage_file import StageFile
from vn.errors import Findings


@dataclass(slots=True)
class Entry:
    """One video, and what is known about it so far.

    Attributes:
        video: the video.
        files: the stages' files, as far as they are.
        findings: warnings about it.
        error: why it cannot be used; None if nothing is wrong.
        same_as: id of an earlier video that is the same; None if there is none.
        left_out: whether it is left out as a duplicate.
    """

    video: RawVideo
    files: dict[str, StageFile] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    error: str | None = None
    same_as: str | None = None
    left_out: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether later stages work on it."""
        return self.error is None and not self.left_out

    def before(self, stage: str) -> dict[str, Mapping[str, Any]]:
        """The results of the stages before one."""
        earlier = STAGES[: STAGES.index(stage)]
        return {name: self.files[name].made.result for name in earlier if name in self.files}

    def draft(self) -> Draft:
        """The story as far as it is.

        Raises:
            InputError: a result is damaged, or of other clips.
        """
        results = {name: file.made.result for name, file in self.files.items()}
        return draft_of(self.video, results, {name: file.made.marks for name, file in self.files.items()})
