"""The start of training on a large data folder: from opening its manifest to the plan of the first step.

    python benchmarks/manifest.py [--videos 100000]

Three ways, side by side, with the same steps: *as before* (a manifest of format 1, all in ``manifest.json``; an object
for each sample and video; loops over them), *JSON* (that manifest as it is read now) and *columns* (format 2). Each
start is a fresh process that has imported everything, three in turn; the smallest time counts, and the largest memory.
A loader process is beside one for a folder of 64 videos, after both have planned micro-batches, and looked up every
sample.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from vn.data.manifest import Manifest
from vn.data.manifest_fields import SPLITS, ManifestFields
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.io.files import parse_json, read_text
from vn.train.datamodule import StoryDataModule
from vn.train.loader import Loader, Source
from vn.train.micro_batches import Dealer, MicroBatchPlan

sys.path.append(str(Path(__file__).parents[1] / "tests" / "data"))
import order_by_loops as loops

SHARD = 64  # videos, as `vn prepare` makes them
EPOCHS = 15  # of the paper's run
MB = 1e6
WORKERS = 2
TURNS = 3
MICRO_BATCHES = 200  # that loader processes plan


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
    old = folder.with_name("JSON-of-" + folder.name)
    old.mkdir()
    (old / "manifest.json").write_text(json.dumps(data, ensure_ascii=False, indent=1))
    return old


def memory() -> dict[str, float]:
    """MB of this process now and, since `measured` began, at most; and those of files that are mapped (Linux)."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[name].split()[0]) * 1024 / MB for name in ("RssAnon", "RssFile", "VmHWM")}


def by_columns(folder: Path) -> Callable[[int], Any]:
    """What training does with a folder up to its first step; gives what makes an epoch's steps."""
    data = StoryDataModule(folder, clips_per_step=32)
    schedule = data.schedule
    dealer = Dealer(schedule.videos, schedule.epoch(0), 1, 0, 1)
    assert dealer(0).units
    return lambda epoch: (schedule.epoch(epoch), data, dealer)[0]


def by_loops(folder: Path) -> Callable[[int], Any]:
    """The same as it was done before: an object for each sample and each video, and loops over them."""
    file = folder / "manifest.json"
    fields = ManifestFields(parse_json(read_text(file), file), file)
    assert hashlib.sha256(file.read_bytes()).hexdigest()
    head, splits = fields.head(), fields.shards()
    entries = [sample for shard in splits["train"] for sample in shard.samples]
    videos = [loops.estimated_video(entry, head["tokens"], head["language"]) for entry in entries]

    def epoch(number: int) -> list[list[int]]:
        return loops.steps(videos, loops.epoch_order(videos, 0, number), 32)

    plan = epoch(0)
    assert loops.deal(videos, plan[0], 1)
    return lambda number: (epoch(number), splits, plan)[0]


def start(folder: Path, how: Callable[[Path], Callable[[int], Any]]) -> tuple[dict[str, float], list[list[int]]]:
    """Open a folder, up to the plan of the first step: seconds and MB; and the steps of the epoch after."""
    how(folder.with_name("JSON-of-few" if how is by_loops else "few"))  # so that everything is imported
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now
    before, began = memory(), time.perf_counter()
    epoch = how(folder)
    ready, after = time.perf_counter(), memory()
    plan = epoch(1)
    ordered = time.perf_counter()
    for number in range(EPOCHS):
        epoch(number)
    more = {name: after[name] - before[name] for name in after}
    row = {
        "to the first step's plan, s": ready - began,
        "order of an epoch, s": ordered - ready,
        f"steps of {EPOCHS} epochs, s": time.perf_counter() - ordered,
        "memory of its own, MB": more["RssAnon"],
        "at most, without mapped files, MB": more["VmHWM"] - more["RssFile"],
        "mapped files, MB": more["RssFile"],
    }
    return row, list(plan)


def loader_process(folder: Path) -> dict[str, float]:
    """The memory of a loader process that has planned micro-batches and looked up every sample, in MB."""
    multiprocessing.set_start_method("fork", force=True)  # as in training
    data = StoryDataModule(folder, clips_per_step=32)
    plan = data.schedule.epoch(0)
    dealer, entries = Dealer(data.videos("train"), plan, 1, 0, 1), data.entries("train")
    looked: list[int] = []

    def read(micro: MicroBatchPlan) -> tuple[int, float, float]:
        if not looked:  # at all samples, as after an epoch
            looked.append(sum(entry.bytes for entry in entries))
        assert all(entries[unit.video].bytes for unit in micro.units)
        info = psutil.Process().memory_full_info()
        return os.getpid(), info.uss / MB, info.pss / MB

    items = min(len(plan), MICRO_BATCHES)
    last = {pid: (uss, pss) for pid, uss, pss in Loader(Source(range(items), dealer), read, items, WORKERS)}
    uss, pss = (max(each) for each in zip(*last.values(), strict=True))
    return {"memory of its own (USS), MB": uss, "with its share of what is shared (PSS), MB": pss}


def measured(work: Callable[..., Any], *of: Any) -> Any:
    """The result of some work in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *of).result()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=100_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name) / "few", Path(name) / "many"
        for folder, count in ((few, SHARD), (many, args.videos)):
            folder.mkdir()
            made_up(count).save(folder)
        old = {folder: save_as_format_1(folder) for folder in (few, many)}
        for label, folder in (("columns", many), ("JSON", old[many])):
            files = {file.name: file.stat().st_size for file in folder.rglob("*") if file.is_file()}
            whole, head = sum(files.values()) / MB, files["manifest.json"] / MB
            print(f"{label}: {len(files)} files, {whole:.1f} MB, manifest.json {head:.1f} MB")
        ways = {"as before": (old[many], by_loops), "JSON": (old[many], by_columns), "columns": (many, by_columns)}
        turns: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        plans = []
        for _ in range(TURNS):
            for way, (folder, how) in ways.items():
                row, plan = measured(start, folder, how)
                turns[way].append(row)
                plans.append(plan)
        assert all(plan == plans[0] for plan in plans)
        rows = [_best(each) for each in turns.values()]
        print(f"\n| {args.videos} videos | {' | '.join(ways)} | as before / columns |\n|---|---:|---:|---:|---:|")
        for what in rows[0]:
            cells = [f"{row[what]:.3g}" for row in rows]
            ratio = f"{rows[0][what] / rows[2][what]:.1f}" if what != "mapped files, MB" else ""
            print(f"| {what} | {' | '.join(cells)} | {ratio} |")
        small, large = (measured(loader_process, folder) for folder in (few, many))
        print(f"\n| a loader process | {SHARD} videos | {args.videos} videos | more |\n|---|---:|---:|---:|")
        for what in small:
            print(f"| {what} | {small[what]:.1f} | {large[what]:.1f} | {large[what] - small[what]:.1f} |")


def _best(results: list[dict[str, float]]) -> dict[str, float]:
    """The shortest times, and the most memory."""
    return {name: (min if name.endswith(" s") else max)(each[name] for each in results) for name in results[0]}


if __name__ == "__main__":
    main()
