"""Narrators trained on the truth and on what was annotated of the same videos, tested on the same truth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vn.io.hashes import hash_file
from vn.story import Language

EXPERIMENTS: dict[Language, str] = {"en": "experiments/demo.yaml", "zh": "experiments/demo_zh.yaml"}
TRUTH = "truth"


@dataclass(frozen=True, slots=True)
class Training:
    """How narrators are trained.

    Attributes:
        base_lm: the demo's base model.
        epochs: of which the one with the lowest val/loss is kept.
        seeds: one narrator each.
        language: language of the stories.
    """

    base_lm: Path
    epochs: int
    seeds: Sequence[int]
    language: Language


def train(work: Path, world: Path, annotated: str, videos: Sequence[str], training: Training) -> None:
    """Prepare data, train, test and score, each only if it is missing.

    Args:
        work: folder of the closed loop.
        world: the demo's ``world``.
        annotated: name of the stories to train and validate on: ``truth``, or a folder in ``stories``.
        videos: ids of all splits.
        training: how.
    """
    source, data = work / "sources" / annotated, work / "data" / annotated
    shutil.rmtree(source, ignore_errors=True)
    for video in videos:
        split = video.split("-")[0]
        true = world / split / f"{video}.json"
        file = true if annotated == TRUTH or split == "test" else written(work, annotated, video)
        if file is None:
            print(f"{video}: was not written by vn annotate; {annotated} is trained without it")
            continue
        story = json.loads(file.read_text(encoding="utf-8"))
        out = source / split / f"{video}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        story.pop("video", None)  # found by its id in `work`
        out.write_text(json.dumps(story, ensure_ascii=False, indent=1), encoding="utf-8")
    # What is there is kept, unless the stories have changed.
    reader = ["--reader", "stories", "--videos", work / "videos", "--encoder", "efficientnet-lite0"]
    vn("prepare", source, *reader, "--corpus", "demo", "--threads", 1, "--out", data, "--overwrite")
    sha256 = hash_file(data / "manifest.json")
    for seed in training.seeds:
        name = f"{annotated}-seed{seed}"
        run, trained_on = work / "runs" / name, work / "runs" / f"{name}.data.txt"
        if run.is_dir() and trained_on.is_file() and trained_on.read_text() != sha256:
            shutil.rmtree(run)
        if (run / "scores.json").is_file():
            continue
        trained_on.parent.mkdir(parents=True, exist_ok=True)
        trained_on.write_text(sha256)
        # A run that was interrupted goes on by itself.
        changes = {
            "model.base_model": training.base_lm,
            "data.folder": data,
            "runs": work / "runs",
            "name": name,
            "seed_everything": seed,
            "trainer.max_epochs": training.epochs,
            "trainer.logger": "false",
        }
        words = [word for key, value in changes.items() for word in (f"--{key}", value)]
        vn("run", "--config", EXPERIMENTS[training.language], *words)
        shutil.rmtree(run / "checkpoints", ignore_errors=True)


def written(work: Path, annotated: str, video: str) -> Path | None:
    """The story that ``vn annotate`` wrote of a video, in whichever split it is; None if it wrote none."""
    found = [*(work / "stories" / annotated).glob(f"*/{video}.json")]
    stories = [file for file in found if file.parent.name in ("train", "val", "test")]
    assert len(stories) <= 1, stories
    return stories[0] if stories else None


def vn(*words: object) -> None:
    """Run a command of `vn` in a process of its own, with one thread."""
    command = [sys.executable, "-m", "vn.cli", *map(str, words)]
    print(f"$ vn {' '.join(command[3:])}"[:400], flush=True)  # of hundreds of videos not every name
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
