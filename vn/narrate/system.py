"""What narrates a video: a trained narrator, or another system of the paper's tables (``--baseline``)."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from vn.errors import InputError
from vn.narrate.job import Job

if TYPE_CHECKING:
    from vn.written import WrittenClip

OF_ANOTHER_SYSTEM = ("baseline", "system", "settings", "options")  # in the record of a story that one has written

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


def system_of(args: argparse.Namespace, jobs: Sequence[Job]) -> System:
    """The system that the options name, or that wrote the story that is edited.

    Args:
        args: the command's arguments.
        jobs: the videos.

    Raises:
        InputError: none is named, or it is not found.
    """
    named, trained = args.baseline is not None, args.run is not None or args.adapter is not None
    if named and trained:
        raise InputError(f"give either --baseline or --{'run' if args.run is not None else 'adapter'}")
    if named or (not trained and args.edit is not None and jobs[0].made_with.get("baseline")):
        from vn.narrate.other_system import OtherSystem

        return OtherSystem(args, jobs)
    from vn.narrate.trained import Trained

    return Trained(args, jobs)


def recorded(job: Job, system: System) -> dict[str, Any]:
    """What a story's record has: what it had before, if it was edited, and the system that writes it now."""
    before = {name: value for name, value in job.made_with.items() if name not in OF_ANOTHER_SYSTEM}
    return {**before, **system.notes, "overlap": job.overlap}
