"""The options of ``vn baseline`` that all baselines share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from vn.baselines.names import BASELINES
from vn.story import WordRangeRule

STORYLINES = ("predicted", "given", "both")

NAMES = """\
{table}

The folder that it writes is that of a run of ours: vn score, vn compare and vn sweep take it.

examples:
  vn baseline retrieval --data data/mine --out runs/retrieval
  vn baseline chat --help                                   the options of one, with an example
  vn baseline chat --config baselines.yaml --limit 3        options from a file: common: {{...}}, chat: {{...}}
"""
COMMON = """\
examples:
  vn baseline {name} --data data/mine --out runs/{name}{stories}

After an interruption, repeat the command: what was written is kept, and so is what was asked.
"""
STORIES = """
  vn baseline {name} --stories stories/ --videos videos/ --out runs/{name}"""


def add_names(parser: argparse.ArgumentParser) -> None:
    """The help of ``vn baseline`` without a name: the baselines."""
    width = max(map(len, BASELINES))
    table = "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in BASELINES.items())
    parser.epilog = NAMES.format(table=f"baselines (each has --help):\n{table}")
    parser.add_argument("name", metavar="NAME", nargs="?", help="the baseline")
    parser.add_argument("--baseline", metavar="NAME", help="the baseline, as a sweep over names gives it")


def add_common(parser: argparse.ArgumentParser) -> None:
    """What is written, from what, and where to."""
    parser.add_argument("name", nargs="?", help=argparse.SUPPRESS)
    parser.add_argument("--baseline", metavar="NAME", help="the baseline, if the first word is not its name")
    add_source(parser)
    parser.add_argument("--split", choices=("train", "val", "test"), default="test", help="what is written (test)")
    parser.add_argument(
        "--stories", metavar="STORIES", type=Path, help="stories to write instead of the data's: what the reader reads"
    )
    parser.add_argument(
        "--reader", default="stories", metavar="NAME", help="reader of --stories, as for vn prepare (stories)"
    )
    parser.add_argument("--test-ids", metavar="FILE", help="ids of the test split of --stories, as for vn prepare")
    parser.add_argument(
        "--storyline", choices=STORYLINES, help="labels written, given, or a test of each (all that the system can do)"
    )
    parser.add_argument("--limit", type=_from(1), metavar="N", help="only the first N videos")
    parser.add_argument("--seed", type=_from(0), default=0, help="random seed of what is drawn (0)")
    add_words(parser)
    where = parser.add_argument_group("where to")
    where.add_argument("--out", type=Path, metavar="RUN", help="the run folder (default: RUNS/NAME)")
    where.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders (runs)")
    where.add_argument("--name", dest="run_name", help="name of the run folder (default: the baseline's)")
    where.add_argument(
        "--config", action="append", default=[], metavar="FILE", help="YAML file with options (repeatable)"
    )
    where.add_argument("--wandb", action="store_true", help="log to W&B, offline unless you are logged in")
    scoring = parser.add_argument_group("scores (vn score has more)")
    scoring.add_argument("--no-score", action="store_true", help="write, and do not score")
    scoring.add_argument("--tokenisation", help="as for vn score")
    scoring.add_argument("--sentences", default="auto", metavar="MODEL", help="as for vn score (auto)")
    scoring.add_argument("--judge", default="classifier", help="as for vn score (classifier)")
    if parser.get_default("endpoints") is None:  # else it is there for all endpoints
        scoring.add_argument("--yes", action="store_true", help="send narrations to the vendor of an openai: judge")


def add_source(parser: argparse.ArgumentParser) -> None:
    """Where stories, features and frames come from."""
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="shards made by vn prepare, a folder or a URL; with other stories: what is learnt from, and the encoder",
    )
    parser.add_argument(
        "--videos",
        type=Path,
        metavar="DIR",
        help="the videos, for whole frames (shards have thumbnails, 96 pixels high)",
    )
    parser.add_argument("--encoder", metavar="NAME", help="frame encoder, as for vn prepare (default: the data's)")
    parser.add_argument(
        "--encoder-weights", nargs="+", default=[], metavar="FILE", help="weights of the frame encoder, if any"
    )


def add_words(parser: argparse.ArgumentParser) -> None:
    """How long a narration may be."""
    words = parser.add_argument_group("words per clip")
    words.add_argument(
        "--word-range",
        choices=("duration", "reference"),
        help="from the clip's seconds, or from the reference's length (default: reference for the paper's corpora, "
        "as in the released data; else duration)",
    )
    words.add_argument("--word-rate", type=float, metavar="R", help="words per second (zh 5, en 2.5)")
    words.add_argument("--word-margin", type=_from(0), metavar="N", help="words above and below (zh 3, en 5; demo 2)")


def word_rule(args: argparse.Namespace, usual: WordRangeRule) -> WordRangeRule:
    """The rule of word ranges that the options give.

    Args:
        args: the parsed arguments.
        usual: that of the data.
    """
    return WordRangeRule(
        args.word_range or usual.source,
        usual.rate if args.word_rate is None else args.word_rate,
        usual.margin if args.word_margin is None else args.word_margin,
    )


def _from(least: int) -> Callable[[str], int]:
    """An argument's type: a whole number from `least`."""

    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"expected {least} or more, got {text}")
        return value

    number.__name__ = "int"  # argparse names it if a text is not a number
    return number
