"""Which system narrates: by the options, or by the record of the story that is edited."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vn.errors import InputError
from vn.narrate.job import Job
from vn.narrate.system import System

if TYPE_CHECKING:
    from vn.voice.kept import KeptVoice

OF_ANOTHER_SYSTEM = ("baseline", "system", "settings", "options")  # in the record of a story that one has written


def system_of(args: argparse.Namespace, jobs: Sequence[Job], voice: KeptVoice | None = None) -> System:
    """The system that the options name, or that wrote the story that is edited.

    Args:
        args: the command's arguments.
        jobs: the videos.
        voice: who speaks, for ``--length spoken``.

    Raises:
        InputError: none is named, it is not found, or it does not write for a voice.
    """
    named, trained = args.baseline is not None, args.run is not None or args.adapter is not None
    if named and trained:
        raise InputError(f"give either --baseline or --{'run' if args.run is not None else 'adapter'}")
    if named or (not trained and args.edit is not None and jobs[0].made_with.get("baseline")):
        if args.length == "spoken":
            raise InputError("only a trained narrator (--run, --adapter) writes for a voice", field="--length")
        from vn.narrate.other_system import OtherSystem

        return OtherSystem(args, jobs)
    from vn.narrate.trained import Trained

    return Trained(args, jobs, voice)


def recorded(job: Job, system: System) -> dict[str, Any]:
    """What a story's record has: what it had before, if it was edited, and the system that writes it now."""
    gone = (*OF_ANOTHER_SYSTEM, "voice")
    before = {name: value for name, value in job.made_with.items() if name not in gone}
    return {**before, **system.notes, "overlap": job.overlap}
