"""What each command costs with 5,000 videos, beside an older build: processor seconds of whole processes, in turn.

    git worktree add --detach ../old COMMIT
    python benchmarks/every_command.py --old ../old [--videos 5000] [--rounds 1] [--only doctor score]
    python benchmarks/every_command.py --base-model demo-work/base-lm --only resume doctor-trained ...
    python benchmarks/every_command.py --profile doctor          where this build spends its time

The folder has this many stories of one small video each (the same bytes under many names), shards that ``vn prepare``
makes of them, a run whose test narrated them all, and a study of 24 runs tested on a tenth of them; with `--base-model`
also a narrator, trained for a few steps on the shards. All of it is made once, in `--work`. Each command runs once
before it counts, so that it finds what it keeps. Scores are without the sentence encoder, whose products take the same
time in both builds. `resume` is a training whose last steps are done, but whose adapter is not written, with W&B
offline.
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
TRAINING = """\
seed_everything: 3
checkpoint_every: 20
model: {{base_model: {base}, lora: {{rank: 4, alpha: 8}}, optimization: {{lr: 0.01}}}}
data: {{folder: {shards}, clips_per_step: 8, workers: 0}}
trainer: {{max_steps: 60, accelerator: cpu, devices: 1, enable_progress_bar: false, num_sanity_val_steps: 0}}
"""
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


def commands(work: Path, build: str = "new") -> dict[str, list[str]]:
    """The commands to measure, by name; each build resumes its own training, whose settings it knows."""
    large, other = str(work / "runs" / "large"), str(work / "runs" / "other")
    score = ["score", large, "--sentences", "none", "--data", str(work / "shards")]
    return {
        "prepare": prepare(work),
        "doctor": ["doctor", str(work / "shards")],
        "doctor-run": ["doctor", large],
        "doctor-trained": ["doctor", str(work / "trained" / "new")],
        "score": score,
        "score-by": [*score, "--by", "label", "--by", "position"],
        "score-against": [*score, "--against", other],
        "compare": ["compare", str(work / "runs" / "study"), "--out", str(work / "compare")],
        "sweep": ["sweep", str(SWEEP), "--dry-run"],
        "resume": train(work, build),
        "rate": ["rate", "make", large, "--out", str(work / "kit"), "--stories", "30"],
    }


def train(work: Path, build: str = "new") -> list[str]:
    """The words of ``vn fit``."""
    return ["fit", "--config", str(work / "toy.yaml"), "--runs", str(work / "trained"), "--name", build]


def undo(work: Path, name: str) -> None:
    """Before each call of a command: remove what it would find finished."""
    if name == "resume":
        for folder in work.glob("trained/*/adapter"):
            shutil.rmtree(folder)
    if name == "rate":
        shutil.rmtree(work / "kit", ignore_errors=True)


def made(work: Path, count: int, base: Path | None) -> None:
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
    if base is not None and not (work / "trained" / "new" / "adapter").exists():
        (work / "toy.yaml").write_text(TRAINING.format(base=base.resolve(), shards=work / "shards"))
        if vn(train(work)):
            raise SystemExit("vn fit failed")


def main() -> None:
    """Measure both builds, or profile this one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="a checkout of the older build")
    parser.add_argument("--videos", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("commands-work"), help="folder for what is made")
    parser.add_argument("--base-model", type=Path, help="folder of a small language model, for what needs a training")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these commands only")
    parser.add_argument("--profile", metavar="NAME", help="profile a command of this build instead")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    made(work, args.videos, args.base_model)
    known = commands(work)
    if args.profile:
        undo(work, args.profile)
        profile = cProfile.Profile()
        profile.runcall(vn, known[args.profile])
        pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
        return
    if args.old is None:
        parser.error("give --old or --profile")
    old, new = builds(args.old)
    trained = ("resume", "doctor-trained") if args.base_model is None else ()
    for name in args.only or [name for name in known if name not in trained]:
        # An untrained run is a finding, and the made-up one has no adapter.
        code = 2 if name == "doctor-run" else 0
        before = partial(_undo, work=work, name=name)
        compare(name, old, new, partial(_words, work=work, name=name), work, args.rounds, before, code)


def _words(build: Build, work: Path, name: str) -> list[str]:
    return build.words(commands(work, build.name)[name])


def _undo(build: Build, work: Path, name: str) -> None:
    undo(work, name)


if __name__ == "__main__":
    main()
