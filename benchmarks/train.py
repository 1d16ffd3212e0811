"""The cost of a training step, compared with the released procedure and HF's Trainer.

    python benchmarks/train.py                    # everything; parts: check flops wall growth memory loader
    python benchmarks/train.py flops growth

Ratios come from one run, interleaved, the median of `--rounds`; both wall and process CPU time are shown, since on a
busy machine only the latter is meaningful. Stories are those of VN_REAL_DATA if it is set, else made-up.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
from pathlib import Path
from statistics import median

import contestants as c
import numpy as np
import stories as s
import torch
from flops import Load, flops, shared
from hardware import CPU
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from vn.data.order import Unit
from vn.data.shards import read_sample
from vn.story import Story
from vn.train.micro_batches import MicroBatchPlan, MicroBatchReader

ALL = [c.RELEASED, c.RELEASED_CHECKPOINTED, c.TIGHT, c.OURS, c.OURS_CHECKPOINTED]


def story_of(clips: int) -> Story:
    """A made-up story of so many clips."""
    return s.made_up_story(clips)


# -- check: the same loss, and the formula against counted products ------------------------------------------------


def check() -> None:
    """All contestants have one loss; counted products are what the formula says."""
    narrator = c.make_narrator(c.SHAPES["tiny"]).eval()
    builder = s.builder(c.SHAPES["tiny"].vocabulary)
    story = story_of(5)
    losses = {}
    for each in ALL:
        each.prepare(narrator)
        with torch.no_grad():
            losses[each.name] = sum(each.loss(narrator, b).item() for b in each.batches([story], builder))
    values = list(losses.values())
    assert max(values) - min(values) < 1e-4 * values[0], losses
    print(f"One loss: {values[0]:.5f}, apart by {(max(values) - min(values)) / values[0]:.0e} at most.\n")
    print("| contestant | counted GFLOP | formula | apart |\n|---|---:|---:|---:|")
    narrator.train()
    for each in ALL:
        batches = each.batches([story], builder)
        each.prepare(narrator)
        # Plain products, since the counter knows no flash attention on the CPU: they compute whole squares.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            for batch in batches:
                each.loss(narrator, batch).backward()
        if batches[0].trees:
            load = shared(batches[0].trees, len(batches[0].targets), len(batches[0].visual_index), causal=1.0)
        else:
            load = each.load(batches)
            load = Load(load.tokens, 2 * load.pairs, load.logits, load.visual)
        formula = flops(c.SHAPES["tiny"], load, each.checkpointing, flash=False)
        counted = counter.get_total_flops()
        apart = counted / formula - 1
        print(f"| {each.name} | {counted / 1e9:.2f} | {formula / 1e9:.2f} | {100 * apart:+.1f} % |")
        assert abs(apart) < 0.03, (each.name, apart)


# -- FLOPs -----------------------------------------------------------------------------------------------------


def cost(each: c.Contestant, story: Story, name: str) -> float:
    """FLOPs of a video by the formula, flash kernels assumed for all."""
    builder = s.builder(c.SHAPES[name].vocabulary)
    return flops(c.SHAPES[name], each.load(each.batches([story], builder)), each.checkpointing)


def flops_a_video() -> None:
    """Totals over the sample's stories."""
    found, what = s.stories()
    print(f"{what}: {np.mean([len(x.narrated) for x in found]):.1f} narrated clips a video.\n")
    print("| model | contestant | tokens a video | GFLOP a video | of released |\n|---|---|---:|---:|---:|")
    for name in ("cut", "tiny"):
        builder = s.builder(c.SHAPES[name].vocabulary)
        base = sum(cost(c.RELEASED, x, name) for x in found)
        for each in ALL:
            total = sum(cost(each, x, name) for x in found)
            tokens = sum(each.load(each.batches([x], builder)).tokens for x in found)
            row = f"{tokens / len(found):.0f} | {total / len(found) / 1e9:.1f} | 1/{base / total:.2f}"
            print(f"| {name} | {each.name} | {row} |")


# -- wall time ---------------------------------------------------------------------------------------------------


def spread(values: list[float]) -> str:
    """Median, with the least and the greatest."""
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def race(name: str, story: Story, rounds: int, who: list[c.Contestant]) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of one optimizer step on a story, interleaved."""
    narrator = c.make_narrator(c.SHAPES[name])
    builder = s.builder(c.SHAPES[name].vocabulary)
    trained = [p for p in narrator.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-4)
    batches = {each.name: each.batches([story], builder) for each in who}
    seconds: dict[str, list[tuple[float, float]]] = {each.name: [] for each in who}
    c.OURS.step(narrator, c.OURS.batches([story_of(2)], builder), optimizer)  # warm up
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for each in who:
                if each is c.TIGHT:
                    took = c.hf_trainer_steps(narrator, batches[each.name], folder)[0]
                else:
                    begin = CPU.now()
                    each.step(narrator, batches[each.name], optimizer)
                    took = CPU.now()[0] - begin[0], CPU.now()[1] - begin[1]
                seconds[each.name].append(took)
                print(f"  {name} {each.name}: {took[0]:.2f} s wall, {took[1]:.2f} s CPU", file=sys.stderr, flush=True)
    return seconds


def ratios(seconds: dict[str, list[tuple[float, float]]], over: str, under: str = "ours") -> tuple[str, str]:
    """Wall and CPU ratios, round by round."""
    pairs = list(zip(seconds[over], seconds[under], strict=True))
    return spread([a[0] / b[0] for a, b in pairs]), spread([a[1] / b[1] for a, b in pairs])


def wall(rounds: int) -> None:
    """Seconds of one optimizer step on the sample's median story."""
    found, what = s.stories()
    story = sorted(found, key=lambda x: (len(x.narrated), len(x.title)))[len(found) // 2]
    print(f"{what}; the median one: {len(story.narrated)} clips. One thread, median of {rounds} (least-greatest).\n")
    print("| model | contestant | wall s | CPU s | wall, of ours | CPU, of ours |\n|---|---|---:|---:|---:|---:|")
    for name in ("tiny", "cut"):
        seconds = race(name, story, rounds, ALL)
        for each, took in seconds.items():
            times = " | ".join(f"{median(x[i] for x in took):.2f}" for i in (0, 1))
            print(f"| {name} | {each} | {times} | {' | '.join(ratios(seconds, each))} |", flush=True)


def growth(rounds: int) -> None:
    """How the ratio to the released procedure grows with the clips of a video."""
    print("Made-up stories. FLOPs by formula; seconds with `tiny`.\n")
    print("| clips | tokens released | ours | FLOPs, cut | FLOPs, tiny | wall, tiny | CPU, tiny |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for clips in (3, 7, 15, 30):
        story = story_of(clips)
        builder = s.builder(2000)
        tokens = [each.load(each.batches([story], builder)).tokens for each in (c.RELEASED, c.OURS)]
        times = [f"{cost(c.RELEASED, story, name) / cost(c.OURS, story, name):.2f}" for name in ("cut", "tiny")]
        measured = ratios(race("tiny", story, rounds, [c.RELEASED, c.OURS]), "released")
        print(f"| {clips} | {tokens[0]} | {tokens[1]} | {' | '.join(times)} | {' | '.join(measured)} |", flush=True)


# -- memory ------------------------------------------------------------------------------------------------------


def high_water() -> int:
    """The most memory this process has had resident, in bytes (a child does not inherit it, unlike ru_maxrss)."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def memory_of(index: int, name: str) -> None:
    """In a process of its own: one micro-batch of four clips; prints the peak, and what the step added."""
    each = ALL[index]
    narrator = c.make_narrator(c.SHAPES[name])
    batch = each.batches([story_of(c.MICRO_BATCH)], s.builder(c.SHAPES[name].vocabulary))[0]
    each.prepare(narrator)
    before = high_water()
    each.loss(narrator, batch).backward()
    print(high_water(), high_water() - before)


def memory() -> None:
    """Peak memory of a micro-batch of four clips."""
    print("One micro-batch of four clips of one video, forward and backward, a process each.\n")
    print("| model | contestant | peak MB | of released | above model and libraries MB | of released |")
    print("|---|---|---:|---:|---:|---:|")
    for name in ("cut", "tiny"):
        base: list[int] = []
        for index, each in enumerate(ALL):
            command = [sys.executable, __file__, "--memory-of", str(index), name]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            peak, step = map(int, out[-2:])
            base = base or [peak, step]
            cells = f"{peak / 1e6:.0f} | {peak / base[0]:.2f} | {step / 1e6:.0f} | {step / base[1]:.2f}"
            print(f"| {name} | {each.name} | {cells} |", flush=True)


# -- loader ------------------------------------------------------------------------------------------------------


def loader(rounds: int) -> None:
    """The loader beside `np.load` alone, and how long a step waits for it."""
    found, _ = s.stories()
    with tempfile.TemporaryDirectory() as name:
        shard = Path(name) / "train-00000.tar"
        entries = s.write_shard(found, shard)
        builder = s.builder(c.SHAPES["cut"].vocabulary)
        reader = MicroBatchReader(shard.parent, entries, builder, "tree")
        micros = [MicroBatchPlan([Unit(i, tuple(range(e.narrated)))], [i]) for i, e in enumerate(entries)]
        size = sum(e.bytes for e in entries)

        def plain() -> None:
            with tarfile.open(shard) as tar:
                for member in tar:
                    if member.name.endswith(".npy"):
                        np.load(io.BytesIO(tar.extractfile(member).read()))  # type: ignore[union-attr]

        def ours() -> None:
            for micro in micros:
                reader.read(micro)

        def read_only() -> None:
            for entry in entries:
                read_sample(shard, entry)

        contest = [
            ("np.load alone", plain),
            ("read_sample: story, checks", read_only),
            ("loader: and plans, ids", ours),
        ]
        seconds: dict[str, list[tuple[float, float]]] = {what: [] for what, _ in contest}
        ours()
        for _ in range(rounds):
            for what, work in contest:
                begin = CPU.now()
                work()
                seconds[what].append((CPU.now()[0] - begin[0], CPU.now()[1] - begin[1]))
        print("| | videos/s | MB/s | wall, of np.load | CPU, of np.load |\n|---|---:|---:|---:|---:|")
        for what, took in seconds.items():
            middle = median(x[0] for x in took)
            rates = f"{len(entries) / middle:.0f} | {size / middle / 1e6:.0f}"
            print(f"| {what} | {rates} | {' | '.join(ratios(seconds, 'np.load alone', what))} |")

        narrator = c.make_narrator(c.SHAPES["cut"])
        optimizer = torch.optim.AdamW([p for p in narrator.parameters() if p.requires_grad], lr=1e-4)
        c.OURS.prepare(narrator)
        steps = 8
        batches = iter(DataLoader(micros[:steps], batch_size=None, collate_fn=reader.read, num_workers=1))  # type: ignore[arg-type]
        waited, begin = 0.0, 0.0
        for n in range(steps):
            asked = time.perf_counter()
            batch = next(batches)
            if n == 0:
                begin = time.perf_counter()  # the worker has started
            else:
                waited += time.perf_counter() - asked
            c.OURS.step(narrator, [batch], optimizer)
        total = time.perf_counter() - begin
        print(f"\nSteps of one video with `cut`, 1 worker: waited {100 * waited / total:.2f} % of {total:.1f} s.")


def main() -> None:
    """Print the tables asked for."""
    parts = ["check", "flops", "wall", "growth", "memory", "loader"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=parts, metavar="part")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", FutureWarning)  # of transformers' renamed gradient_checkpointing_enable
    if args.memory_of:
        memory_of(int(args.memory_of[0]), args.memory_of[1])
        return
    work = {
        "check": check,
        "flops": flops_a_video,
        "wall": lambda: wall(args.rounds),
        "growth": lambda: growth(args.rounds),
        "memory": memory,
        "loader": lambda: loader(args.rounds),
    }
    for part in args.parts:
        print(f"\n### {part}\n", flush=True)
        work[part]()


if __name__ == "__main__":
    main()
