"""``vn prepare`` with processes and threads, as whole commands: by the clock, by processor time, and byte for byte.

    python benchmarks/prepare.py [--videos 120] [--seconds 60] [--rounds 3] [--encoder efficientnet-lite0]

The videos are those of `benchmarks/encode.py` (H.264, 640 x 360, 25 frames per second, moving blocks), a few of them,
copied. Every command is a process of its own, from its start to its end, imports and weights included; the commands
take turns, so that other work on the machine meets all of them. The ratio is that of the median times by the clock;
beside it is the processor time of all processes of a command, which other work hardly affects: on busy cores the clock
tells little. The bytes of all results are compared.

Target: ``--jobs 2`` at least 1.8 times the rate of ``--jobs 1 --threads 1`` on two cores, by the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from encode import render

TARGET = 1.8
DIFFERENT = 6  # videos that are rendered; the others are copies
CONTESTANTS = {"--jobs 1 --threads 1": (1, 1), "--jobs 1 --threads 2": (1, 2), "--jobs 2": (2, 1)}
BASE = "--jobs 1 --threads 1"


def run(source: Path, out: Path, encoder: str, jobs: int, threads: int) -> np.ndarray:
    """``[2]``: seconds by the clock and of processor time that one command takes."""
    words = ["prepare", source, "--reader", "stories", "--encoder", encoder, "--out", out, "--shard-size", "8"]
    words += ["--jobs", jobs, "--threads", threads]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "vn.cli", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.array([took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime])


def contents(folder: Path) -> dict[str, bytes]:
    """Everything that a user gets."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def main() -> None:
    """Measure all contestants in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=120, help="videos to prepare (default: 120)")
    parser.add_argument("--seconds", type=int, default=60, help="of each of them (default: 60)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--encoder", default="efficientnet-lite0")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source"
        source.mkdir()
        for number in range(args.videos):
            if number < DIFFERENT:
                render(source / f"v{number}.mp4", args.seconds, number)
            else:
                shutil.copy(source / f"v{number % DIFFERENT}.mp4", source / f"v{number}.mp4")
            story = {"id": f"v{number}", "title": "t", "language": "en", "clips": [{"start": 0, "end": args.seconds}]}
            (source / f"v{number}.json").write_text(json.dumps(story))
        took: dict[str, list[np.ndarray]] = {each: [] for each in CONTESTANTS}
        first = None
        for turn in range(args.rounds):
            for number, (each, shape) in enumerate(CONTESTANTS.items()):
                out = folder / f"out-{turn}-{number}"
                took[each].append(run(source, out, args.encoder, *shape))
                first = first or contents(out)
                assert contents(out) == first, f"{each} gave other bytes"
                print(f"{each}: {took[each][-1].round(1).tolist()} s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    frames = args.videos * args.seconds
    seconds = {each: np.median(times, axis=0) for each, times in took.items()}
    print(
        f"{args.videos} videos, {frames} frames, load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores"
    )
    print("\n| command | s by the clock | processor s | frames/s | of `" + BASE + "`, least-most | target |")
    print("|---|---:|---:|---:|---:|---:|")
    for each, (clock, processor) in seconds.items():
        ratios = [base[0] / own[0] for base, own in zip(took[BASE], took[each], strict=True)]
        ratio = f"{seconds[BASE][0] / clock:.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        target = TARGET if each == "--jobs 2" else ""
        print(f"| `{each}` | {clock:.1f} | {processor:.1f} | {frames / clock:.0f} | {ratio} | {target} |")


if __name__ == "__main__":
    main()
