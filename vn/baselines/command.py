"""``vn baseline``: a system of the paper's tables writes the stories of a test, as a run folder of ours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

from vn.baselines.named import module_of, name_in, values_of
from vn.baselines.names import BASELINES
from vn.baselines.option_file import CONFIG, set_from_files
from vn.baselines.options import COMMON, STORIES, add_common, add_names
from vn.endpoints.options import check_judge
from vn.environment import wandb_variables
from vn.errors import InputError
from vn.io.lock import claim
from vn.run_folder.sigterm import EXIT, Preempted, Sigterm

AGAIN = "repeat the command to continue"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn baseline``: those of the baseline that the command line names."""
    words: Sequence[str] = parser.get_default("words") or ()
    name = name_in(words)
    if name is None:
        add_names(parser)
        return
    module = module_of(name)
    parser.prog, parser.description = f"{parser.prog} {name}", BASELINES[name][1]
    add_options(parser, module)
    stories = "" if hasattr(module, "run") else STORIES.format(name=name)  # a narrator of ours reads shards
    parser.epilog = "\n".join(filter(None, (parser.epilog, COMMON.format(name=name, stories=stories))))
    set_from_files(parser, values_of(words, CONFIG), name, partial(add_options, module=module))


def add_options(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    """The options of one baseline: its own, and those that all share."""
    module.add_arguments(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Write the stories, and score them.

    Returns:
        The exit code: 0, or 130 and 143 if Ctrl-C or SIGTERM ended it.
    """
    name = named(args)
    module = module_of(name)
    args.out = run_folder_of(args, name)
    if not args.no_score:
        check_judge(args.judge, args.yes)
    if hasattr(module, "run"):
        return int(module.run(args))
    sigterm = Sigterm()
    with sigterm.heard():
        try:
            with claim(args.out, "vn baseline"):
                from vn.baselines.story_test import write_test

                write_test(name, module, args)
        except Preempted:
            print(f"vn baseline: stopped by SIGTERM; {AGAIN}", file=sys.stderr)
            return EXIT
        except KeyboardInterrupt:
            print(f"vn baseline: interrupted; {AGAIN}", file=sys.stderr)
            return 130
    return 0


def named(args: argparse.Namespace) -> str:
    """The baseline that a call names.

    Raises:
        InputError: it names none.
    """
    name = name_in(args.words)
    if name is None:
        raise InputError(f"name a baseline: {', '.join(BASELINES)}; vn baseline NAME --help has its options")
    return name


def run_folder_of(args: argparse.Namespace, name: str) -> Path:
    """The run folder: as given, else W&B's id of a sweep's run, else the baseline's name, in ``--runs``.

    Args:
        args: the parsed arguments.
        name: the baseline.

    Raises:
        InputError: both ``--out`` and ``--name`` are given, or the name is not that of a folder.
    """
    given: str | None = args.run_name
    if args.out is not None:
        if given is not None:
            raise InputError("give either --out, or --runs and --name")
        return Path(args.out)
    if given is not None and (given in ("", ".", "..") or "/" in given):
        raise InputError(f"expected the name of a folder inside --runs; got {given!r}", field="--name")
    return Path(args.runs) / (given or wandb_variables().point or name)
