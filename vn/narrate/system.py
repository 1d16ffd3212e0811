"""What narrates a video: a trained narrator, or another system of the paper's tables (``--baseline``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from vn.errors import InputError
from vn.narrate.job import Job

if TYPE_CHECKING:
    from vn.written import WrittenClip

Done = Callable[[Job, "list[WrittenClip]"], None]
Failed = Callable[[Job, InputError], None]


class Loaded(Protocol):
    """A system that is ready to write."""

    def add(
        self,
        job: Job,
        done: Done,
        failed: Failed | None = None,
        follow: Callable[[WrittenClip], None] | None = None,
    ) -> None:
        """Begin a video.

        Args:
            job: the video, its clips found.
            done: called with the job and its written clips when the story is finished, in this call or a later one.
            failed: called with the job if its story cannot be written; None raises the error.
            follow: called with each clip when it is written.

        Raises:
            InputError: the video cannot be read.
        """

    def finish(self) -> None:
        """Write until every story is finished."""


class System(Protocol):
    """What narrates, before anything slow is loaded.

    Attributes:
        about: one line for the terminal.
        notes: what a story's record has of it.
        identity: a text that changes if the stories may; for ``--videos``, which keeps those of the same request.
        options: how it writes, likewise.
    """

    about: str
    notes: dict[str, Any]
    options: dict[str, Any]

    @property
    def identity(self) -> str:
        """See the class."""

    def check(self, job: Job) -> None:
        """Raise if it cannot fulfil a request; warn if it does so only in part."""

    def load(self) -> Loaded:
        """Load what is slow."""
