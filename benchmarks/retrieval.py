"""``vn baseline retrieval`` on made-up features in the released layout: seconds per 1,000 clips, with the index.

    python benchmarks/retrieval.py [--annotations esyncvidstory_sample.json] [--stories 160] [--rounds 3]

Each frame is one random ``[32, 768]`` float16 ``.npy``, one per second, as released with E-SyncVidStory; ``vn prepare
--encoder features`` makes shards of them. The stories are those of an annotation file of the corpus, under other ids
as often as is needed, or made up. Half of them are the train split. Each command is a process of its own, from its
start to its end, that writes the test split with the storyline predicted and given and leaves out the scores: first
without an index, then with the index of the one before.

On busy cores the clock tells little: beside it is the processor time.

Target: 10 s per 1,000 clips, each counted once, whether indexed or written twice; the start of Python included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vn.data.manifest import Manifest
from vn.story import ScriptLabel

TARGET = 10.0
TOKENS, WIDTH = 32, 768


def made_up(random: np.random.Generator) -> dict[str, Any]:
    """A story of 4 to 10 clips of 2 to 9 seconds, as in the corpus' annotations."""
    clips, at = [], 0
    for _ in range(int(random.integers(4, 11))):
        end = at + int(random.integers(2, 10))
        label = list(ScriptLabel)[int(random.integers(12))].text("zh")
        text = "".join(random.choice(list("轻便结实好用的水壶一分钟烧开茶水"), size=5 * (end - at)))
        clips.append({"time": [at, end], "label": label, "new_text": text})
        at = end
    return {"p_name": "水壶", "p_info": "材质：钢、玻璃", "frames": clips}


def write_source(folder: Path, annotations: Path | None, count: int) -> None:
    """The annotations, test ids and features of so many stories."""
    random = np.random.default_rng(0)
    known = list(json.loads(annotations.read_text("utf-8")).values()) if annotations else []
    stories = {f"story{n:05}.mp4": known[n % len(known)] if known else made_up(random) for n in range(count)}
    (folder / "annotations.json").write_text(json.dumps(stories, ensure_ascii=False), "utf-8")
    ids = [name.removesuffix(".mp4") for name in stories]
    (folder / "ids.txt").write_text("\n".join(ids[::2]))
    (folder / "features").mkdir()
    for name, story in zip(ids, stories.values(), strict=True):
        for number in range(1, int(np.ceil(max(frame["time"][1] for frame in story["frames"]))) + 1):
            array = random.standard_normal((TOKENS, WIDTH), np.float32).astype(np.float16)
            np.save(folder / "features" / f"{name}_{number:03d}.jpg.npy", array)


def vn(*words: object) -> np.ndarray:
    """``[2]``: seconds by the clock and of processor time that a command takes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "vn.cli", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=3600,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.array([took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path)
    parser.add_argument("--stories", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_source(folder, args.annotations, args.stories)
        source = [folder / "annotations.json", "--reader", "esyncvidstory", "--test-ids", folder / "ids.txt"]
        features = ["--encoder", "features", "--features", folder / "features", "--val-share", "0"]
        vn("prepare", *source, *features, "--out", folder / "data")
        manifest = Manifest.load(folder / "data")
        indexed, written = (int(manifest.samples(split).column("narrated").sum()) for split in ("train", "test"))
        times = []
        for n in range(args.rounds):
            words = ["baseline", "retrieval", "--data", folder / "data", "--no-score", "--index", folder / f"index-{n}"]
            times.append([vn(*words, "--out", folder / f"run-{n}-{again}") for again in range(2)])
        times.append([vn("baseline", "retrieval", "--help") for _ in range(2)])
    cold, warm = np.median(times[:-1], axis=0)
    print(f"{args.stories} stories: {indexed} training clips, {written} test clips, each written twice")
    print("| command | by the clock, s | processor time, s |\n|---|---:|---:|")
    named = {"index and test": cold, "test, the index is there": warm, "`--help`, the start of Python": times[-1][1]}
    for name, (clock, processor) in named.items():
        print(f"| {name} | {clock:.1f} | {processor:.1f} |")
    clock, processor = 1000 * cold / (indexed + written)
    met = "met" if clock < TARGET else "missed"
    print(f"index and test per 1,000 clips: {clock:.1f} s by the clock, {processor:.1f} s of processor time")
    print(f"target ({TARGET:g} s by the clock): {met}; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
