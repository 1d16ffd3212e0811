"""What each command costs with 5,000 videos, beside an older build: processor seconds of whole processes, in turn.

    git worktree add --detach ../old COMMIT
    python benchmarks/every_command.py --old ../old [--videos 5000] [--rounds 1] [--only doctor score]
    python benchmarks/every_command.py --profile doctor          where this build spends its time

The folder has this many stories of one small video each (the same bytes under many names), shards that ``vn prepare``
makes of them, a run whose test narrated them all, and a study of 24 runs tested on a tenth of them. All of it is made
once, in `--work`. Each command runs once before it counts, so that it finds what it keeps.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import shutil
import sys
from functools import partial
from pathlib import Path

from two_builds import Build, builds, compare

from vn.cli import main as vn

HERE = Path(__file__).resolve().parents[1]
sys.path += [str(HERE / "tests"), str(HERE / "tests" / "compare")]
SECONDS = 3  # of each video
SWEEP = HERE / "sweeps" / "demo_ablations.yaml"


def make_source(folder: Path, count: int) -> None:
    """Stories of two clips each, and a small video for each."""
    from small_video import write_video

    videos = folder / "videos"
    videos.mkdir(parents=True)
    video = write_video(folder / "video.mp4", SECONDS)
    lines = []
    for n in range(count):
        os.link(video, videos / f"video-{n:05}.mp4")
        clips = [
            {"start": 0, "end": 1, "labels": ["Sore Point"], "narration": f"Old kettles leak, number {n}."},
            {"start": 1, "end": SECONDS, "labels": ["Product Effect"], "narration": "This one boils tea in a minute."},
        ]
        known = [{"aspect": "Material", "points": ["steel", "glass"]}]
        story = {"id": f"video-{n:05}", "title": f"Kettle {n}", "language": "en", "domain": "ad"}
        lines.append(json.dumps({**story, "knowledge": known, "clips": clips}))
    (folder / "stories.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "test-ids.txt").write_text("".join(f"video-{n:05}\n" for n in range(0, count, 10)))


def make_runs(folder: Path, count: int) -> None:
    """A run tested on all videos, and a study of 24 runs tested on a tenth of them."""
    from finished_runs import make_stories, write_many, write_run

    write_run(folder / "large", make_stories(count), settings=("predicted", "given"))
    write_many(folder / "study", make_stories(count // 10), 8)


def prepare(work: Path) -> list[str]:
    """The words of ``vn prepare``."""
    own = work / "source"
    words = [str(own / "stories.jsonl"), "--reader", "stories", "--videos", str(own / "videos")]
    return ["prepare", *words, "--test-ids", str(own / "test-ids.txt"), "--out", str(work / "shards")]


def commands(work: Path) -> dict[str, list[str]]:
    """The commands to measure, by name."""
    return {
        "prepare": prepare(work),
        "doctor": ["doctor", str(work / "shards")],
        "doctor-run": ["doctor", str(work / "runs" / "large")],
        "score": ["score", str(work / "runs" / "large")],
        "score-against": ["score", str(work / "runs" / "large"), "--against", str(work / "runs" / "other")],
        "compare": ["compare", str(work / "runs" / "study"), "--out", str(work / "compare")],
        "sweep": ["sweep", str(SWEEP), "--dry-run"],
        "resume": ["run", "--config", str(work / "toy.yaml"), "--runs", str(work / "trained"), "--name", "toy"],
        "rate": ["rate", "make", str(work / "runs" / "large"), "--out", str(work / "kit"), "--stories", "30"],
    }


def made(work: Path, count: int) -> None:
    """Make everything that is not there yet."""
    if not (work / "source").exists():
        make_source(work / "source.new", count)
        (work / "source.new").rename(work / "source")
    if not (work / "runs").exists():
        make_runs(work / "runs.new", count)
        shutil.copytree(work / "runs.new" / "large", work / "runs.new" / "other")
        (work / "runs.new").rename(work / "runs")
    if not (work / "shards" / "manifest.json").exists() and vn(prepare(work)):
        raise SystemExit("vn prepare failed")


def main() -> None:
    """Measure both builds, or profile this one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="a checkout of the older build")
    parser.add_argument("--videos", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("commands-work"), help="folder for what is made")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these commands only")
    parser.add_argument("--profile", metavar="NAME", help="profile a command of this build instead")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    made(work, args.videos)
    known = commands(work)
    if args.profile:
        profile = cProfile.Profile()
        profile.runcall(vn, known[args.profile])
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
        return
    if args.old is None:
        parser.error("give --old or --profile")
    old, new = builds(args.old)
    for name in args.only or known:
        compare(name, old, new, partial(Build.words, argv=known[name]), work, args.rounds)


if __name__ == "__main__":
    main()
