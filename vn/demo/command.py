"""``vn demo``: every stage in turn, each with the command that a user would type."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vn.demo.sizes import SIZES, DemoSize
from vn.demo.stages import NICE, Progress, Stages
from vn.environment import cores
from vn.io.lock import claim

if TYPE_CHECKING:  # heavy: loaded when the demo runs
    from vn.demo.world import World

EXPERIMENTS = {"en": Path("experiments/demo.yaml"), "zh": Path("experiments/demo_zh.yaml")}
HOME = Path("demo-work")
BASE_LM = "train the tiny base language model on plain text"
EPILOG = """\
examples:
  vn demo                 a quarter of an hour on two CPU cores; a second run keeps what exists
  vn demo --language zh   the same videos, narrated in Chinese
  vn demo --size smoke    two minutes: every stage runs, nothing is learned
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vn demo``."""
    parser.epilog = EPILOG
    parser.add_argument("--language", choices=sorted(EXPERIMENTS), default="en", help="language of the stories")
    parser.add_argument("--size", choices=sorted(SIZES), default="thin", help="how much to render and train")
    parser.add_argument("--work", type=Path, help="folder for everything (default: demo-work)")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the world and of training")
    # For the process beside the first stages: it belongs to a `vn demo`, which keeps others out of the folder.
    parser.add_argument("--only", choices=["base-lm"], help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Render, prepare, train the base model, train and test the narrator, narrate a new video."""
    experiment = EXPERIMENTS[args.language]
    home = HOME if args.language == "en" else HOME / args.language  # as in the experiment's file
    work = args.work or (home if args.size == "thin" else home / args.size)
    if args.only:
        return _base_lm_alone(args, work)
    with claim(work, "vn demo"):
        return _demo(args, experiment, home, work)


def _demo(args: argparse.Namespace, experiment: Path, home: Path, work: Path) -> int:
    size = SIZES[args.size]
    thin = args.size == "thin"
    runs = Path("runs") if args.work is None and thin else work / "runs"
    started = time.monotonic()
    stages = Stages(cores())

    training = ["demo", "--only", "base-lm", "--work", str(work)]
    training += ["--language", args.language, "--size", args.size, "--seed", str(args.seed)]
    with stages.with_beside(training) as beside:
        with stages("render product videos"):
            if beside is not None:
                print(f"      beside it, in another process, [3/5] begins: {BASE_LM}", flush=True)
            world = _render(work / "world", size, args, stages)
        with stages("prepare: videos to WebDataset shards"):
            shards = work / "shards"
            source = [world.stories, "--reader", "stories", "--videos", world.stories / "videos"]
            encoder = ["--encoder", "efficientnet-lite0", "--corpus", "demo"]
            stages.vn("prepare", *source, *encoder, "--out", shards, "--overwrite", own_process=True)
        with stages(BASE_LM), _bar("steps") as follow:
            if beside is not None:
                beside.wait(follow)
            else:
                _base_lm(work / "base-lm", size, args, follow)
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


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """A progress bar on stderr, as a callback of (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=sys.stderr)) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _render(folder: Path, size: DemoSize, args: argparse.Namespace, stages: Stages) -> World:
    from vn.demo.languages import LANGUAGES
    from vn.demo.world import write_world

    with _bar("videos") as show:

        def follow(done: int, everything: int) -> None:
            show(done, everything)
            stages.check()

        processes, niceness = min(2, stages.cores), NICE if stages.beside else 0
        vocabulary = LANGUAGES[args.language]
        return write_world(folder, size.videos, args.seed, follow, vocabulary, processes, niceness)


def _packing(run: Path) -> None:
    from vn.demo.packing_speed import packing_speed

    took = packing_speed(run)
    print(
        f"      a training step takes {took['tree']:.2f} s packed, {took['clip']:.2f} s with a row of its own per "
        f"clip: {took['clip'] / took['tree']:.1f} times as long"
    )


def _base_lm(folder: Path, size: DemoSize, args: argparse.Namespace, progress: Progress) -> None:
    from vn.demo.base_lm import train_base_lm
    from vn.demo.languages import LANGUAGES

    train_base_lm(folder, size.base_lm_steps, args.seed, progress, LANGUAGES[args.language])


def _base_lm_alone(args: argparse.Namespace, work: Path) -> int:
    """Train the base model in the process that `vn.demo.stages.Beside` has started, which reads its progress."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C comes here too: whoever started this ends it

    def follow(done: int, everything: int) -> None:
        if done == everything or done % max(1, everything // 100) == 0:
            print(done, everything, flush=True)

    _base_lm(work / "base-lm", SIZES[args.size], args, follow)
    return 0
