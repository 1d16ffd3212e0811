"""A command of this build beside the same one of an older build: processor seconds, in turn, in one run.

    git worktree add --detach ../old COMMIT
    python benchmarks/two_builds.py --old ../old --rounds 5 --work demo-folder -- score runs/demo

What comes after ``--`` are the words after ``vn``. Each call is a process of its own, from its start to its end, with
its children; the builds take turns, so that a busy machine is busy for both. Other benchmarks import `compare`.
"""

from __future__ import annotations

import argparse
import configparser
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
TIMEOUT = 3600


@dataclass(frozen=True, slots=True)
class Build:
    """A checkout of the package, and how its ``vn`` is started."""

    name: str
    folder: Path

    def words(self, argv: Sequence[str]) -> list[str]:
        """The process that runs ``vn`` with these words, as the console script of this build does."""
        config = configparser.ConfigParser()
        config.read(self.folder / "setup.cfg", "utf-8")
        scripts = dict(
            line.split(" = ") for line in config["options.entry_points"]["console_scripts"].split("\n") if line
        )
        module, function = scripts["vn"].split(":")
        return [sys.executable, "-c", f"import sys; from {module} import {function}; sys.exit({function}())", *argv]


@dataclass(frozen=True, slots=True)
class Ran:
    """One call: processor seconds of the process and its children, seconds by the clock, and what it said."""

    cpu: float
    clock: float
    code: int
    stdout: str
    stderr: str


def run(build: Build, words: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a process of a build to its end.

    Args:
        build: the build that ``import vn`` finds.
        words: the whole command, e.g. of `Build.words`.
        folder: where it runs.
        environment: variables beside this process's own.
    """
    own = {**os.environ, "PYTHONPATH": str(build.folder), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    own |= {"OMP_NUM_THREADS": "1", **(environment or {})}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.perf_counter()
        process = subprocess.Popen(list(words), cwd=folder, env=own, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return Ran(usage.ru_utime + usage.ru_stime, clock, process.returncode, out.read(), err.read())


def compare(
    title: str,
    old: Build,
    new: Build,
    command: Callable[[Build], Sequence[str]],
    folder: Path,
    rounds: int = 5,
    before: Callable[[Build], None] = lambda build: None,
    code: int = 0,
) -> dict[str, list[Ran]]:
    """Run a command of both builds in turn, print a line of medians, and return what ran.

    Args:
        title: what it is, for the line.
        old: the older build.
        new: this build.
        command: a build's whole command.
        folder: where it runs.
        rounds: how often each, after one call of each that does not count.
        before: called before each call, e.g. to delete what it writes; not measured.
        code: exit code to expect.
    """
    ran: dict[str, list[Ran]] = {old.name: [], new.name: []}
    for number in range(-1, rounds):
        for build in (old, new) if number % 2 else (new, old):
            before(build)
            one = run(build, command(build), folder)
            if one.code != code:
                raise SystemExit(f"{build.name}: exit code {one.code}\n{one.stdout}\n{one.stderr}")
            if number >= 0:
                ran[build.name].append(one)
    first, second = (statistics.median(each.cpu for each in ran[build.name]) for build in (old, new))
    spread = max(each.cpu for each in ran[new.name]) - min(each.cpu for each in ran[new.name])
    print(f"{title:44} {first:8.2f} {second:8.2f} (+-{spread / 2:.2f}) CPU s   {first / second:5.2f}x", flush=True)
    return ran


def builds(old: Path) -> tuple[Build, Build]:
    """The older build in a folder, and this one."""
    return Build("old", old.resolve()), Build("new", HERE)


def main() -> None:
    """Compare one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="a checkout of the older build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path(), help="where the command runs")
    parser.add_argument("--code", type=int, default=0, help="exit code to expect")
    parser.add_argument("words", nargs="+", help="the words after vn")
    args = parser.parse_args()
    old, new = builds(args.old)
    print(f"{'':44} {'old':>8} {'new':>8}")
    title = "vn " + " ".join(args.words)
    compare(title[:44], old, new, lambda build: build.words(args.words), args.work, args.rounds, code=args.code)


if __name__ == "__main__":
    main()
