"""The start of training on a large data folder: from opening its manifest to the plan of the first step.

    python benchmarks/manifest.py [--videos 100000]

The same samples as a manifest of format 1 (all in ``manifest.json``) and as columns, side by side. Each start is a
fresh process that has imported everything, five in turn; the smallest time counts, and the largest memory. A loader
process is beside one for a folder of 64 videos, after they have planned, and looked up, all micro-batches of an epoch.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from vn.data.manifest import Manifest
from vn.data.manifest_fields import SPLITS
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.train.datamodule import StoryDataModule
from vn.train.loader import Loader, Source
from vn.train.micro_batches import Dealer, MicroBatchPlan

SHARD = 64  # videos, as `vn prepare` makes them
EPOCHS = 15  # of the paper's run
MB = 1e6
WORKERS = 2
TURNS = 5


def made_up(videos: int, seed: int = 0) -> Manifest:
    """A manifest of videos like those of the corpus (6.8 narrated clips in the mean), 95 % of them to train on."""
    random = np.random.default_rng(seed)
    splits: dict[str, list[ShardEntry]] = {split: [] for split in SPLITS}
    for start in range(0, videos, SHARD):
        share = start / videos
        split = "train" if share < 0.95 else "val" if share < 0.97 else "test"
        index, offset, samples = len(splits[split]), 0, []
        file = f"{split}-{index:05}.tar"
        for number in range(start, min(videos, start + SHARD)):
            clips = int(random.integers(2, 13))
            frames = clips * int(random.integers(2, 9))
            size = frames * 2 * 8 * 1280 + 4096
            samples.append(
                SampleEntry(
                    key=f"{int(random.integers(2**40)):011x}-{number}",
                    offset=offset,
                    bytes=size,
                    clips=clips,
                    narrated=clips - int(random.random() < 0.2),
                    frames=frames,
                    seconds=round(frames * random.random(), 3),
                    characters=int(random.integers(100, 900)),
                    shard=file,
                    shard_index=index,
                    crc32=int(random.integers(2**32)),
                )
            )
            offset += size
        splits[split].append(ShardEntry(file, f"{start:064x}", offset + 10240, samples))
    return Manifest(
        encoder={"id": "made-up", "settings": {}, "weights_sha256": None},
        similarity_threshold=0.9,
        standardise=True,
        tokens=8,
        width=1280,
        statistics={"mean": np.zeros(1280), "std": np.ones(1280)},
        language="en",
        domain="ad",
        splits=splits,
    )


def save_as_format_1(folder: Path) -> Path:
    """A folder of the same content whose manifest has all samples in JSON."""
    columns, data = Manifest.load(folder), json.loads((folder / "manifest.json").read_text())
    del data["samples"]
    data["format"] = 1
    for split, shards in columns.splits.items():
        data["splits"][split]["shards"] = [shard.to_dict() for shard in shards]
    old = folder.with_name(folder.name + "-json")
    old.mkdir()
    (old / "manifest.json").write_text(json.dumps(data, ensure_ascii=False, indent=1))
    return old


def memory() -> int:
    """Bytes of this process that no other one has."""
    return int(psutil.Process().memory_full_info().uss)


def peak() -> int:
    """The most bytes of physical memory that this process has had since `reset_peak` (Linux)."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def reset_peak() -> None:
    """Make the peak the memory of now."""
    Path("/proc/self/clear_refs").write_text("5")


def start(folder: Path) -> dict[str, float]:
    """Open a folder, up to the plan of the first step; what it takes in seconds and MB."""
    StoryDataModule(folder.with_name("empty")).schedule.epoch(0)  # so that everything is imported
    reset_peak()
    before, high = memory(), peak()
    began = time.perf_counter()
    data = StoryDataModule(folder, clips_per_step=32)
    opened = time.perf_counter()
    dealer = Dealer(data.videos("train"), data.schedule.epoch(0), 1, 0, 1)
    first = dealer(0)
    ready = time.perf_counter()
    assert first.units
    kept, most = memory() - before, peak() - high
    data.schedule.epoch(1)
    ordered = time.perf_counter()
    horizon = data.schedule.horizon(EPOCHS)
    return {
        "opening, s": opened - began,
        "to the first step's plan, s": ready - began,
        "order of an epoch, s": ordered - ready,
        f"steps of {EPOCHS} epochs, s": time.perf_counter() - ordered,
        "memory kept, MB": kept / MB,
        "memory at most, MB": most / MB,
        "steps": horizon,
    }


def loader_process(folder: Path) -> dict[str, float]:
    """The memory of a loader process that plans and looks up every micro-batch, in MB."""
    data = StoryDataModule(folder, clips_per_step=32)
    plan = data.schedule.epoch(0)
    dealer, entries = Dealer(data.videos("train"), plan, 1, 0, 1), data.entries("train")

    def read(micro: MicroBatchPlan) -> tuple[int, int, int]:
        assert all(entries[unit.video].bytes for unit in micro.units)
        info = psutil.Process().memory_full_info()
        return os.getpid(), int(info.uss), int(info.pss)

    last = {pid: (uss, pss) for pid, uss, pss in Loader(Source(range(len(plan)), dealer), read, len(plan), WORKERS)}
    uss, pss = (max(each) for each in zip(*last.values(), strict=True))
    return {"own memory, MB": uss / MB, "proportional, MB": pss / MB}


def measured(work: Callable[[Path], dict[str, float]], folder: Path) -> dict[str, float]:
    """The result of some work in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, folder).result()


def best(results: list[dict[str, float]]) -> dict[str, float]:
    """The shortest times, and the most memory."""
    return {name: (min if name.endswith(" s") else max)(each[name] for each in results) for name in results[0]}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders: dict[str, Path] = {}
        for label, count in (("empty", SHARD), ("columns", args.videos)):
            folders[label] = Path(name) / label
            folders[label].mkdir()
            made_up(count).save(folders[label])
        folders["JSON"] = save_as_format_1(folders["columns"])
        for label, folder in folders.items():
            files = {file.name: file.stat().st_size for file in folder.rglob("*") if file.is_file()}
            whole, head = sum(files.values()) / MB, files["manifest.json"] / MB
            print(f"{label}: {len(files)} files, {whole:.1f} MB, manifest.json {head:.1f} MB")
        turns: dict[str, list[dict[str, float]]] = {"JSON": [], "columns": []}
        for _ in range(TURNS):
            for label in turns:
                turns[label].append(measured(start, folders[label]))
        old, new = best(turns["JSON"]), best(turns["columns"])
        assert old.pop("steps") == new.pop("steps")
        print(f"\n| {args.videos} videos | JSON (format 1) | columns | ratio |\n|---|---:|---:|---:|")
        for row in old:
            print(f"| {row} | {old[row]:.3g} | {new[row]:.3g} | {old[row] / max(new[row], 1e-9):.1f} |")
        empty, *workers = (measured(loader_process, folders[label]) for label in ("empty", "JSON", "columns"))
        print("\n| a loader process | 64 videos | JSON (format 1) | columns | columns above 64 videos |")
        print("|---|---:|---:|---:|---:|")
        for row in empty:
            cells: list[Any] = [empty[row], *(each[row] for each in workers), workers[1][row] - empty[row]]
            print(f"| {row} | {' | '.join(f'{cell:.1f}' for cell in cells)} |")


if __name__ == "__main__":
    main()
