"""``vn score`` with an empty cache and with a full one, and what refusing bad input costs, beside an older build.

    git worktree add --detach ../old COMMIT
    python benchmarks/start_score.py --old ../old --run runs/demo --data demo-work/shards

Scores one run with its default options. Both builds must print the same and write the same bytes. Uses `two_builds`.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from two_builds import Build, Ran, builds, compare

REFUSED: Mapping[str, Sequence[str]] = {
    "prepare": ["prepare", ".", "--reader", "none", "--out", "out"],
    "narrate, no adapter": ["narrate", "video.mp4", "--product", "product.yaml", "--run", "none", "--out", "out"],
    "score": ["score", "none"],
    "compare": ["compare", "none"],
    "sweep": ["sweep", "none.yaml"],
    "rate": ["rate", "make", "none", "--out", "out"],
    "export": ["export", "none", "--to", "merged", "--out", "out"],
    "import-released": ["import-released", "none", "--base-model", "none", "--out", "out"],
    "doctor": ["doctor", "none"],
    "doctor, a damaged card": ["doctor", "run"],
    "baseline chat": ["baseline", "chat", "--data", "none", "--out", "out"],
    "demo": ["demo", "--size", "none"],
    "experiments": ["experiments", "none"],
}


def scoring(old: Build, new: Build, args: argparse.Namespace, work: Path) -> None:
    """A run's scores with an empty cache, then with a full one."""
    for build in (old, new):
        shutil.copytree(args.run, work / build.name / "run")
    written: dict[str, list[bytes]] = {old.name: [], new.name: []}

    def command(build: Build) -> list[str]:
        where = ["--data", str(args.data.resolve())] if args.data.name else []
        return build.words(["score", str(work / build.name / "run"), *where])

    def keep(build: Build) -> None:
        file = work / build.name / "run" / "scores.json"
        if file.exists():
            written[build.name].append(file.read_bytes())

    def empty(build: Build) -> None:
        keep(build)
        (work / build.name / "run" / "score_cache.sqlite").unlink(missing_ok=True)

    first = compare("vn score, the first time", old, new, command, work, args.rounds, empty)
    again = compare("vn score, everything cached", old, new, command, work, args.rounds, keep)
    for build in (old, new):
        keep(build)
    same = _shown(first, old, work) == _shown(first, new, work) and _shown(again, old, work) == _shown(again, new, work)
    # The first scores of each are those that the benchmark found.
    print("same bytes, same output:", same and written[old.name][1:] == written[new.name][1:])


def _shown(ran: Mapping[str, list[Ran]], build: Build, work: Path) -> set[tuple[str, str]]:
    folder = str(work / build.name)
    return {(one.stdout.replace(folder, ""), one.stderr.replace(folder, "")) for one in ran[build.name]}


def refusals(old: Build, new: Build, rounds: int, work: Path) -> None:
    """Bad input of each command, and ``--help`` of `score`."""
    folder = work / "bad"
    (folder / "run" / "adapter").mkdir(parents=True)
    (folder / "run" / "adapter" / "narrator.json").write_text("{}", "utf-8")
    (folder / "video.mp4").write_text("no video", "utf-8")
    (folder / "product.yaml").write_text("title: A cup\nlanguage: en\nknowledge: []\n", "utf-8")
    for name, words in REFUSED.items():
        ran = compare(name, old, new, lambda build, words=words: build.words(words), folder, rounds, code=2)
        if {one.stderr for one in ran[old.name]} != {one.stderr for one in ran[new.name]}:
            sys.exit(f"{name}: other words\n{ran[old.name][0].stderr}\n{ran[new.name][0].stderr}")
    compare("score --help", old, new, lambda build: build.words(["score", "--help"]), folder, rounds)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the older build")
    parser.add_argument("--run", type=Path, help="a finished run to score; without it only refusals are measured")
    parser.add_argument("--data", type=Path, default=Path(), help="its shards (default: those that it names)")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    old, new = builds(args.old)
    print(f"{'':44} {'old':>8} {'new':>8}")
    with tempfile.TemporaryDirectory() as work:
        if args.run is not None:
            scoring(old, new, args, Path(work))
        refusals(old, new, args.rounds, Path(work))


if __name__ == "__main__":
    main()
