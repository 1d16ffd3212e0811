"""How long the Lightning commands take to start, print their help and refuse a slip: this build beside an older one.

    git worktree add --detach ../old COMMIT
    python benchmarks/start_lightning.py --old ../old --rounds 3

Both builds are called in turn, with a home folder whose caches the call that does not count has filled. Refusals are
compared word for word, and so are the stories of a test of a tiny narrator, which this build trains once.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from two_builds import Build, Ran, builds, compare, run

DATA = ("--data.workers", "0", "--trainer.logger", "false", "--trainer.enable_progress_bar", "false")


def refusal(ran: Ran) -> str:
    """The refusal, without what libraries log before it and where the build's shipped files are."""
    return re.sub(r"/\S*/experiments/", "experiments/", ran.stderr.strip().rsplit("\n", 1)[-1])


def the_same(ran: dict[str, list[Ran]], what: Callable[[Ran], object]) -> None:
    """Stop if the builds differ in something."""
    found = {name: {str(what(each)) for each in calls} for name, calls in ran.items()}
    if len(set.union(*found.values())) != 1:
        raise SystemExit(f"the builds differ: {found}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the older build")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    old, new = builds(args.old)
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        os.environ |= {"HOME": str(work / "home"), "COLUMNS": "80", "WANDB_MODE": "disabled"}
        print(f"{'':44} {'old':>8} {'new':>8}", flush=True)

        def line(title: str, *words: str, code: int = 0) -> dict[str, list[Ran]]:
            return compare(title, old, new, lambda build: build.words(words), work, args.rounds, code=code)

        the_same(line("vn fit --help", "fit", "--help"), lambda each: sorted(each.stdout.split()))
        line("vn run --help", "run", "--help")
        refusals = {
            "a misspelt key": ("fit", "--config", "demo", "--model.lora.rnk", "8"),
            "a misspelt flag": ("fit", "--config", "demo", "--nmae", "x"),
            "a wrong type": ("run", "--config", "demo", "--trainer.max_epochs", "three"),
            "out of its bounds": ("fit", "--config", "demo", "--data.workers", "-3"),
            "no data folder": ("run", "--config", "demo"),
            "no such run": ("test", "--run", "runs/none"),
            "no such ablation": ("run", "--config", "demo", "--ablation", "no_memroy"),
            "not a logger, which Lightning knows": ("fit", "--config", "demo", "--trainer.logger", "x"),
        }
        for title, words in refusals.items():
            the_same(line(title, *words, code=2), refusal)
        smoke(new, work)
        line("a finished run", "run", *trained(work))
        line("another configuration", "run", *trained(work), "--model.lora.rank", "3", code=2)
        for build in (old, new):
            (work / build.name).mkdir()

        def test(build: Build) -> list[str]:
            run_folder = str(work / "smoke" / "runs" / "demo")
            return build.words(["test", "--run", run_folder, "--out", str(work / build.name), *DATA])

        def forget(build: Build) -> None:
            for file in (work / build.name).glob("*"):
                file.unlink() if file.is_file() else None

        compare("vn test of a tiny narrator, with scores", old, new, test, work, args.rounds, before=forget)
        stories = {(work / build.name / "stories.jsonl").read_bytes() for build in (old, new)}
        print("stories are equal" if len(stories) == 1 else "stories differ", flush=True)


def trained(work: Path) -> list[str]:
    """The words of the run that `smoke` has finished."""
    folder = work / "smoke" / "runs" / "demo"
    return ["--config", str(folder / "config.yaml"), "--runs", str(folder.parent), "--name", folder.name]


def smoke(build: Build, work: Path) -> None:
    """Make the smallest demo, with a finished run."""
    ran = run(build, build.words(["demo", "--size", "smoke", "--work", str(work / "smoke")]), work)
    if ran.code:
        raise SystemExit(ran.stderr)


if __name__ == "__main__":
    main()
