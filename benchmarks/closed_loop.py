"""Closed loop: videos whose stories are known are spoken, annotated from the sound alone, and trained on.

    python benchmarks/closed_loop.py speak --demo DEMO --work loop/en --voice piper:joe
    python benchmarks/closed_loop.py annotate --demo DEMO --work loop/en --speech faster-whisper:FOLDER
    python benchmarks/closed_loop.py annotate --demo DEMO --work loop/en --speech faster-whisper:FOLDER --clips truth
    python benchmarks/closed_loop.py train --demo DEMO --work loop/en --stories truth sound
    python benchmarks/closed_loop.py table --of DEMO loop/en --of DEMO/zh loop/zh

DEMO is the folder of a finished ``vn demo``. Everything is kept in ``--work``: each command goes on where it was
interrupted. The narrators are tested on the true clips of the test videos, whatever they were trained on.

Error rates count words of lower case without punctuation in English, characters in Chinese, numbers as they are spoken
(`vn.metrics.recognition`); they are edits of all videos over units of all videos, with 95 % bootstrap intervals over
videos. A clip has the right text if a found clip that has more than half of their union in common with it has the same
units. A word is in another clip if its clip has most time in common with another true clip. A cut is right within
0.25 s. Labels are compared on the clips that have a partner.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from loop.annotate import Annotation, annotate
from loop.speak import speak
from loop.table import annotation_table, language_of, spoken_table, training_table
from loop.train import Training, train


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = whole.add_subparsers(dest="command", required=True)
    counted = argparse.ArgumentParser(add_help=False)
    counted.add_argument(
        "--videos",
        type=int,
        nargs=3,
        default=(150, 15, 50),
        metavar=("TRAIN", "VAL", "TEST"),
        help="how many (default: 150 15 50)",
    )
    every = argparse.ArgumentParser(add_help=False, parents=[counted])
    every.add_argument("--demo", type=Path, required=True, help="folder of a finished vn demo")
    every.add_argument("--work", type=Path, required=True, help="folder that keeps everything")
    commands.add_parser("speak", parents=[every]).add_argument("--voice", required=True)
    annotated = commands.add_parser("annotate", parents=[every])
    annotated.add_argument("--speech", required=True, help="the recogniser")
    annotated.add_argument("--clips", choices=("found", "truth"), default="found")
    annotated.add_argument("--labelled", type=int, default=60, help="stories of other videos to learn labels from")
    annotated.add_argument("more", nargs="*", help="further options of vn annotate, after --")
    trained = commands.add_parser("train", parents=[every])
    trained.add_argument("--stories", nargs="+", required=True, help="truth, or folders in WORK/stories")
    trained.add_argument("--epochs", type=int, default=8, help="of which the best one on val is kept")
    trained.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    printed = commands.add_parser("table", parents=[counted])
    printed.add_argument("--of", type=Path, nargs=2, action="append", required=True, metavar=("DEMO", "WORK"))
    return whole


def main() -> int:
    """Run a command."""
    args = parser().parse_args()
    counts = dict(zip(("train", "val", "test"), args.videos, strict=True))
    videos = [f"{split}-{n:05}" for split, count in counts.items() for n in range(count)]
    if args.command == "table":
        for _, work in args.of:
            spoken_table(work)
        annotation_table(args.of, videos)
        training_table(args.of)
        return 0
    world = args.demo / "world"
    if args.command == "speak":
        speak(world, videos, args.voice, args.work)
    elif args.command == "annotate":
        how = Annotation(language_of(args.demo), args.speech, args.labelled, args.more)
        annotate(args.work, world, videos, how, args.clips == "truth")
    else:
        training = Training(args.demo / "base-lm", args.epochs, args.seeds, language_of(args.demo))
        for stories in args.stories:
            train(args.work, world, stories, videos, training)
    return 0


if __name__ == "__main__":
    sys.exit(main())
