"""``vn demo``: every stage in turn, each with the command that a user would type."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.io.lock import claim

if TYPE_CHECKING:  # heavy: loaded when the demo runs
    from vn.demo.product import Split
    from vn.demo.vocabulary import Vocabulary
    from vn.demo.world import World

EXPERIMENTS = {"en": Path("experiments/demo.yaml"), "zh": Path("experiments/demo_zh.yaml")}
HOME = Path("demo-work")
EPILOG = """\
examples:
  vn demo                 about half an hour on two CPU cores; a second run keeps what exists
  vn demo --language zh   the same videos, narrated in Chinese
  vn demo --size smoke    two minutes: every stage runs, nothing is learned
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn demo``."""
    from vn.demo.sizes import SIZES

    parser.epilog = EPILOG
    parser.add_argument("--language", choices=sorted(EXPERIMENTS), default="en", help="language of the stories")
    parser.add_argument("--size", choices=sorted(SIZES), default="thin", help="how much to render and train")
    parser.add_argument("--work", type=Path, help="folder for everything (default: demo-work)")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the world and of training")


def run(args: argparse.Namespace) -> int:
    """Render, prepare, train the base model, train and test the narrator, narrate a new video."""
    experiment = EXPERIMENTS[args.language]
    home = HOME if args.language == "en" else HOME / args.language  # as in the experiment's file
    work = args.work or (home if args.size == "thin" else home / args.size)
    with claim(work, "vn demo"):
        return _demo(args, experiment, home, work)


def _demo(args: argparse.Namespace, experiment: Path, home: Path, work: Path) -> int:
    from vn.demo.languages import LANGUAGES
    from vn.demo.sizes import SIZES

    size = SIZES[args.size]
    vocabulary = LANGUAGES[args.language]
    thin = args.size == "thin"
    runs = Path("runs") if args.work is None and thin else work / "runs"
    started = time.monotonic()
    stages = _Stages()

    with stages("render product videos"):
        world = _render(work / "world", size.videos, args.seed, vocabulary)
    with stages("prepare: videos to WebDataset shards"):
        shards = work / "shards"
        source = [world.stories, "--reader", "stories", "--videos", world.stories / "videos"]
        stages.vn(
            "prepare", *source, "--encoder", "efficientnet-lite0", "--corpus", "demo", "--out", shards, "--overwrite"
        )
    with stages("train the tiny base language model on plain text"):
        _base_lm(work / "base-lm", size.base_lm_steps, args.seed, vocabulary)
    with stages("run: train the narrator, then narrate and score the test videos"):
        changes: list[Any] = []
        if args.seed:
            changes += ["--seed_everything", args.seed]
        if work != home:
            changes += ["--model.base_model", work / "base-lm", "--data.folder", shards, "--runs", runs]
        if size.epochs is not None:
            changes += ["--trainer.max_epochs", size.epochs]
        stages.vn("run", "--config", experiment, *changes)
        name = experiment.stem
        _packing(runs / name)
    with stages("narrate a new video: a product that no training video shows"):
        story = work / "story"
        stages.vn("narrate", world.video, "--product", world.product, "--run", runs / name, "--out", story)

    print(f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes. Where everything is:")
    for place, what in (
        (world.stories / "videos", "the rendered videos"),
        (shards, "WebDataset shards with manifest.json"),
        (work / "base-lm", "the base language model"),
        (runs / name, "the run: config, metrics, predictions, scores, adapter"),
        (world.video, "the new video"),
        (story, "its story.json, story.srt and story.vtt"),
    ):
        print(f"  {place}{'/' if place.is_dir() else ''}  {what}")
    print(f"Play it with its subtitles:  ffplay -vf subtitles={story / 'story.srt'} {world.video}")
    return 0


class _Stages:
    """Numbers the stages, and prints their commands and how long each took."""

    def __init__(self) -> None:
        self.count = 0

    @contextlib.contextmanager
    def __call__(self, title: str) -> Iterator[None]:
        self.count += 1
        print(f"\n[{self.count}/5] {title}", flush=True)
        began = time.monotonic()
        yield
        print(f"      {time.monotonic() - began:.0f} s", flush=True)

    def vn(self, *words: Any) -> None:
        """Run a command as a user would."""
        from vn.cli import main

        argv = [str(word) for word in words]
        print("      $ vn " + shlex.join(argv), flush=True)
        code = main(argv)
        if code:
            raise SystemExit(code)  # the command has printed what was wrong


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Any]:
    """A progress bar on stderr, as a callback of (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr)) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _render(folder: Path, sizes: Mapping[Split, int], seed: int, vocabulary: Vocabulary) -> World:
    from vn.demo.world import write_world

    with _bar("videos") as follow:
        return write_world(folder, sizes, seed, follow, vocabulary, processes=min(2, os.cpu_count() or 1))


def _packing(run: Path) -> None:
    from vn.demo.packing_speed import packing_speed

    took = packing_speed(run)
    print(
        f"      a training step takes {took['tree']:.2f} s packed, {took['clip']:.2f} s with a row of its own per "
        f"clip: {took['clip'] / took['tree']:.1f} times as long"
    )


def _base_lm(folder: Path, steps: int, seed: int, vocabulary: Vocabulary) -> None:
    from vn.demo.base_lm import train_base_lm

    with _bar("steps") as follow:
        train_base_lm(folder, steps, seed, follow, vocabulary)
