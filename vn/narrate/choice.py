"""Which system narrates: by the options, or by the record of the story that is edited."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from vn.errors import InputError
from vn.narrate.job import Job
from vn.narrate.system import System

OF_ANOTHER_SYSTEM = ("baseline", "system", "settings", "options")  # in the record of a story that one has written


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
