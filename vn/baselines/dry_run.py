"""What would fail in ``vn baseline``, as far as that is known before its system is opened: nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from vn.baselines.command import add_arguments, named, run_folder_of
from vn.baselines.option_file import RaisingParser
from vn.errors import Findings, InputError


def dry_run(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Check the options and the videos.

    Args:
        argv: the arguments of ``vn baseline``.

    Returns:
        What the command would refuse, and notes.
    """
    findings = Findings()
    try:
        parser = RaisingParser()
        parser.set_defaults(words=list(argv))
        add_arguments(parser)
        args = parser.parse_args(argv)
        run_folder_of(args, named(args))

        from vn.baselines.source import open_data, open_source

        open_source(args, open_data(args.data), findings)
    except InputError as error:
        return [str(error)], findings.lines
    return [], findings.lines
