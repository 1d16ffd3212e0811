"""Closed loop: videos whose stories are known are spoken, annotated from the sound alone, and trained on.

    VN_PIPER=... python benchmarks/closed_loop.py speak --work /tmp/loop/en --demo demo-work --voice piper:joe
    python benchmarks/closed_loop.py annotate --work /tmp/loop/en --demo demo-work --recogniser faster-whisper:FOLDER
    python benchmarks/closed_loop.py train --work /tmp/loop/en --demo demo-work --stories truth --seeds 0 1 2
    python benchmarks/closed_loop.py train --work /tmp/loop/en --demo demo-work --stories sound --seeds 0 1 2
    python benchmarks/closed_loop.py table --demo demo-work --work /tmp/loop/en

``--demo`` is the folder of a finished ``vn demo``. Everything is kept in ``--work``: each command goes on where it was
interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from loop.speak import speak
from loop.train import Training, train


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--work", type=Path, required=True, help="folder that keeps everything")
    every.add_argument("--demo", type=Path, required=True, help="folder of a finished vn demo")
    every.add_argument("--videos", type=int, nargs=3, default=(150, 15, 50), metavar=("TRAIN", "VAL", "TEST"))
    spoken = commands.add_parser("speak", parents=[every])
    spoken.add_argument("--voice", required=True)
    trained = commands.add_parser("train", parents=[every])
    trained.add_argument("--stories", required=True, help="truth, or a folder in WORK/stories")
    trained.add_argument("--epochs", type=int, default=16)
    trained.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    world = args.demo / "world"
    counts = dict(zip(("train", "val", "test"), args.videos, strict=True))
    videos = [f"{split}-{n:05}" for split, count in counts.items() for n in range(count)]
    if args.command == "speak":
        speak(world, videos, args.voice, args.work)
    if args.command == "train":
        story = json.loads((world / "test" / "test-00000.json").read_text(encoding="utf-8"))
        training = Training(args.demo / "base-lm", args.epochs, args.seeds, story["language"])
        train(args.work, world, args.stories, videos, training)
    return 0


if __name__ == "__main__":
    sys.exit(main())
