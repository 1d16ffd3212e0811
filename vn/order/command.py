"""``vn order``: clips in any order in; their order, storyline and story out. Or a test of that on a data folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from vn.order.options import add_chat_options, add_method_options, add_narrator_options

EPILOG = """\
examples:
  vn order a.mp4 b.mp4 c.mp4 --product product.yaml --run runs/demo
      the order, and what the narrator takes each clip for
  vn order a.mp4 b.mp4 c.mp4 --product product.yaml --run runs/demo --out ordered
      also order.json, and story.json with a narration per clip; vn narrate --unordered makes one video of them
  vn order --run runs/demo --method labels,transitions,likelihood
      how well it works: the clips of the test videos are shuffled, and the orders found are scored; results are
      written to the run folder, and vn compare shows them
  vn order --data data/mine --method chat --chat openai:MODEL --chat-url http://localhost:8000/v1 --out ordered
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn order``."""
    parser.epilog = EPILOG
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="video files, each one clip, in any order")
    parser.add_argument("--product", type=Path, help="YAML file with title, language and knowledge, for clips")
    parser.add_argument(
        "--storyline",
        type=Path,
        help="YAML list of script labels, one per clip as given; for null the narrator chooses",
    )
    add_narrator_options(parser)
    parser.add_argument("--data", metavar="DATA", help="data folder with the training stories (default: that of --run)")
    parser.add_argument("--out", type=Path, help="folder to write to (a test: --run)")
    add_method_options(parser)
    test = parser.add_argument_group("a test, without clips")
    test.add_argument("--split", choices=("train", "val", "test"), default="test", help="what is shuffled (test)")
    test.add_argument("--seed", type=_whole, default=0, help="random seed of the shuffling (0)")
    test.add_argument("--limit", type=_some, metavar="N", help="only the first N videos")
    test.add_argument(
        "--texts",
        choices=("given", "predicted"),
        default="given",
        help="labels and narrations: those of the data, or written by the narrator for each clip alone (given)",
    )
    add_chat_options(parser)


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or more, got {text}")
    return value


def _some(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, got {text}")
    return value


_whole.__name__ = _some.__name__ = "int"  # argparse names it if a text is not a number


def run(args: argparse.Namespace) -> int:
    """Order clips, or test how well that works."""
    if args.clips:
        from vn.order.files import order_files

        return order_files(args)
    from vn.order.shuffled import order_split

    return order_split(args)
