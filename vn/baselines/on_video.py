"""The options of a baseline for a raw video: those of ``vn narrate --baseline NAME``."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from vn.baselines.named import check_name, module_of, name_in, values_of
from vn.baselines.option_file import CONFIG, Add, RaisingParser, given_options, read_options, set_from_files
from vn.endpoints.options import far_endpoints
from vn.errors import InputError

NOT_RECORDED = ("yes", CONFIG.lstrip("-"))  # leave to send is given per call; the options of files are recorded
EXAMPLE = """
with another system of the paper's tables, here {name}:
  vn narrate video.mp4 --product product.yaml --baseline {name} --out story
"""


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """What a call asks of a baseline.

    Attributes:
        name: the baseline.
        module: its module.
        args: its options.
    """

    name: str
    module: ModuleType
    args: argparse.Namespace


def add_video_options(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Add the options of the baseline that a command line names, if it names one.

    Raises:
        InputError: there is no such baseline, or it does not write raw videos.
    """
    name = name_in(words, positional=False)
    if name is None:
        return
    module, epilog = _writer_module(name), parser.epilog
    for group in (parser, *parser._action_groups):
        group.conflict_handler = "resolve"  # an option that both have is the baseline's
    _add(parser, module)
    parser.epilog = "".join(filter(None, (epilog, EXAMPLE.format(name=name), parser.epilog)))
    set_from_files(parser, values_of(words, CONFIG), name, partial(_add, module=module))


def system_options(args: argparse.Namespace, before: Mapping[str, Any], file: Path | None) -> VideoOptions:
    """The baseline that a call names, or that wrote a story, with its options.

    Args:
        args: the arguments of ``vn narrate``.
        before: the record of an edited story, whose options are the defaults.
        file: the edited story.

    Raises:
        InputError: the record names no baseline, an option that it does not have, or an endpoint on another machine: a
            story's file may come from anyone, and must not decide where frames, texts and the key of a user go.
    """
    name = args.baseline or str(before.get("baseline"))
    check_name(name)
    module = _writer_module(name)
    add = partial(_add, module=module)
    parser = RaisingParser()
    add(parser)
    usual = vars(parser.parse_args([]))
    kept: dict[str, Any] = {}
    options = before.get("options")
    if before.get("baseline") == name and isinstance(options, dict):
        recorded = {key: value for key, value in options.items() if key not in NOT_RECORDED}
        kept = read_options(recorded, add, file=file or "", field="record.made_with.options")
    given = vars(args) if args.baseline is not None else {"yes": args.yes}
    asked = {key: value for key, value in given.items() if key in usual and value != usual[key]}
    if args.baseline is not None:
        asked |= {key: given[key] for key in _spelled_out(args.words, add)}
    found = argparse.Namespace(**{**usual, **kept, **asked})
    words = [word for word in getattr(found, "endpoints", {}) if word in kept and not {word, f"{word}_url"} & {*asked}]
    if not getattr(found, "yes", True) and (far := far_endpoints(found, words)):
        message = f"its record names {' and '.join(far)}; to send frames and texts there, add --yes"
        raise InputError(message, file=file)
    return VideoOptions(name, module, found)


def own_options(options: VideoOptions) -> dict[str, Any]:
    """The options that differ from their defaults, for a story's record; a URL's password is left out."""
    given = given_options(options.args, partial(_add, module=options.module))
    return {key: value for key, value in given.items() if key not in NOT_RECORDED}


def _spelled_out(words: Sequence[str], add: Add) -> list[str]:
    """The options that a command line gives, also those that it gives their default value."""
    parser = RaisingParser()
    add(parser)
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    given, _ = parser.parse_known_args(words)
    return [action.dest for action in parser._actions if action.dest in given]


def _writer_module(name: str) -> ModuleType:
    module = module_of(name)
    if not hasattr(module, "open_writer"):
        message = f"{name} is a narrator of ours with other settings: give its run with --run"
        raise InputError(message, field="--baseline")
    return module


def _add(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    """A baseline's own options, and those of ``vn baseline`` that a raw video needs."""
    module.add_arguments(parser)
    parser.add_argument("--data", metavar="DATA", help="shards that the baseline learns from; their encoder is used")
    parser.add_argument("--encoder", metavar="NAME", help="frame encoder, as for vn prepare (default: the data's)")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="weights of the encoder, if any"
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed of what is drawn (0)")
    parser.add_argument(CONFIG, action="append", default=[], metavar="FILE", help="YAML file with options by baseline")
