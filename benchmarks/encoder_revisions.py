"""`vn prepare` with each revision and dtype of ``efficientnet-lite0``, and with an older build.

    python benchmarks/encoder_revisions.py --old ../old --world demo-work/world [--videos 24] [--rounds 3]

The videos are the first ones of the demo's val split. Each call of ``vn prepare`` is a process of its own, imports and
weights included; all take turns. Processor seconds, their medians; a frame's cost without what a call costs on an empty
machine comes from calls on a third of the videos. Checked: the first revision has the older build's bytes, and the
newest one is within 1e-3 and one float16 step of them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
from two_builds import HERE, Build, run

from vn.data.manifest import Manifest
from vn.data.shards import read_sample

OLD = "older build"
CALLS = {
    OLD: (),
    "efficientnet-lite0@1": ("--encoder", "efficientnet-lite0@1"),
    "efficientnet-lite0@2": ("--encoder", "efficientnet-lite0"),
    "efficientnet-lite0@2, bfloat16": ("--encoder", "efficientnet-lite0", "--encoder-dtype", "bfloat16"),
}


def choose(world: Path, videos: int, to: Path) -> None:
    """Copy the first stories of the val split, without their videos."""
    (to / "val").mkdir(parents=True)
    for file in sorted((world / "val").glob("*.json"))[:videos]:
        shutil.copy(file, to / "val")


def features(data: Path) -> np.ndarray:
    """All features of a data folder, ``[frames, T, D]``."""
    samples = Manifest.load(data).samples("val")
    return np.concatenate([read_sample(data / entry.shard, entry)[1] for entry in samples])


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two data folders hold the same."""
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in ("manifest.json", "val-00000.tar"))


def main() -> None:
    """Measure, check and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, required=True, help="checkout of the older build")
    parser.add_argument("--world", type=Path, required=True, help="the demo's world: stories and videos")
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    builds = {name: Build(name, args.old.resolve() if name == OLD else HERE) for name in CALLS}
    took: dict[tuple[str, int], list[float]] = {}
    again: dict[str, list[float]] = {name: [] for name in CALLS}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sizes = (args.videos // 3, args.videos)
        for size in sizes:
            choose(args.world, size, work / f"world{size}")
        for _ in range(args.rounds):
            for size in sizes:
                for number, (name, more) in enumerate(CALLS.items()):
                    data = work / f"data{number}-{size}"
                    shutil.rmtree(data, ignore_errors=True)
                    words = ["prepare", str(work / f"world{size}"), "--reader", "stories", "--threads", "1"]
                    words += ["--videos", str((args.world / "videos").resolve()), "--out", str(data), *more]
                    ran = run(builds[name], builds[name].words(words), work)
                    assert ran.code == 0, ran.stderr
                    took.setdefault((name, size), []).append(ran.cpu)
                    if size == sizes[1]:
                        again[name].append(run(builds[name], builds[name].words(words), work).cpu)
        folders = [work / f"data{number}-{sizes[1]}" for number in range(len(CALLS))]
        assert same_bytes(folders[0], folders[1]), "the first revision has other bytes than the older build"
        found = [features(data).astype(np.float64) for data in folders]
        few = len(features(work / f"data0-{sizes[0]}"))
        settings = json.loads((folders[3] / "manifest.json").read_text())["encoder"]["settings"]
        assert settings["dtype"] == "bfloat16"
    old = found[0]
    step = np.spacing(np.abs(old).astype(np.float16)).astype(np.float64)
    assert (np.abs(found[2] - old) <= 1e-3 + step).all(), "the newest revision has other features"
    medians = {key: statistics.median(values) for key, values in took.items()}
    costs = {name: (medians[name, sizes[1]] - medians[name, sizes[0]]) / (len(old) - few) for name in CALLS}
    print(f"{sizes[1]} videos, {len(old)} frames, {args.rounds} rounds\n")
    print("| | whole call, s | ratio | ms per frame | ratio | rerun, s | mean difference / std | largest difference |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, ours in zip(CALLS, found, strict=True):
        whole = medians[name, sizes[1]]
        away = np.abs(ours - old)
        print(
            f"| {name} | {whole:.2f} | {medians[OLD, sizes[1]] / whole:.2f} | {1000 * costs[name]:.2f} "
            f"| {costs[OLD] / costs[name]:.2f} | {statistics.median(again[name]):.2f} "
            f"| {away.mean() / old.std():.5f} | {away.max():.4f} |"
        )


if __name__ == "__main__":
    main()
