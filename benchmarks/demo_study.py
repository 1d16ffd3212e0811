"""What does each part of the method do? The demo's ablations, with controls, over seeds.

    python benchmarks/demo_study.py run         after `vn demo`: trains and tests all (about an hour on two cores)
    python benchmarks/demo_study.py table       compares what is finished, with `vn compare`

Variants are the overlays of `experiments/ablations/`: the full method, the paper's five ablations, `memory_none`, and a
retrained text-only control. A second control tests the full model with the frames of another test video of like
length. Where an ablation shows more frames, it is trained again for as many steps as cost the full method's FLOPs.

Differences are paired over test videos after taking the mean over seeds (`vn.compare.paired`): a difference counts
when its 95 % interval leaves out 0, all seeds agree on the sign, and Holm's p over the variants is below 0.05.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
import yaml

from vn.cli import main as compare
from vn.data.datamodule import Micro, MicroBatchReader, StoryDataModule
from vn.data.order import deal
from vn.metrics.predictions import read_lines
from vn.train.arguments import ABLATIONS

MORE_FRAMES = ("no_compression", "no_memory")
OTHER_FRAMES = "other_frames"
COUNTED_STEPS = 40  # training steps whose tokens and FLOPs are counted


class Study:
    """Where the runs of a study lie, and how they are made.

    Args:
        config: the experiment.
        runs: folder for the run folders.
        seeds: of order, initial weights and dropout; the world stays.
    """

    def __init__(self, config: Path, runs: Path, seeds: Sequence[int]) -> None:
        self.config = config
        self.runs = runs
        self.seeds = list(seeds)

    def folder(self, variant: str, seed: int) -> Path:
        if variant == OTHER_FRAMES:
            return self.folder("full", seed) / OTHER_FRAMES
        return self.runs / f"{variant}-seed{seed}"

    def finished(self, variant: str, seed: int) -> bool:
        return (self.folder(variant, seed) / "scores.json").exists()

    def command(self, variant: str, seed: int) -> list[str]:
        """The command of one run, as a user would type it."""
        folder = self.folder(variant, seed)
        if variant == OTHER_FRAMES:
            run = str(self.folder("full", seed))
            return ["vn", "test", "--run", run, "--data.frames", "other_video", "--out", str(folder)]
        ablation, _, equal = variant.partition("@")
        words = ["vn", "run", "--config", str(self.config), "--ablation", ablation]
        words += ["--runs", str(self.runs), "--name", folder.name, "--seed_everything", str(seed)]
        words += ["--trainer.logger", "false", "--trainer.enable_progress_bar", "false"]
        if equal:
            words += ["--trainer.max_steps", str(self.equal_steps(ablation, seed))]
        return words

    def equal_steps(self, ablation: str, seed: int) -> int:
        """Steps of an ablation that cost as many FLOPs as the full method's whole training."""
        full, other = (cost(self.folder(v, seed), self.runs) for v in ("full", ablation))
        steps = last_step(self.folder("full", seed))
        return round(steps * full["flops"] / other["flops"])

    def run(self, variants: Sequence[str], parallel: int) -> int:
        """Make what is missing; gives how many failed."""
        jobs = [(v, s) for s in self.seeds for v in variants if not self.finished(v, s)]
        with ThreadPoolExecutor(parallel) as pool:
            return sum(pool.map(lambda job: self._one(*job), jobs))

    def _one(self, variant: str, seed: int) -> bool:
        command = self.command(variant, seed)
        log = self.runs / f"{variant}-seed{seed}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with open(log, "w") as out:
            executable = [sys.executable, "-m", "vn.cli", *command[1:]]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            code = subprocess.run(executable, stdout=out, stderr=out, env=environment).returncode
        outcome = f"failed, see {log}," if code else "done"
        print(f"{outcome} in {time.monotonic() - began:.0f} s: {' '.join(command)}", flush=True)
        return code != 0


def last_step(run: Path) -> int:
    """Optimizer steps of a run."""
    lines = read_lines(run / "metrics.jsonl")
    return max(line["step"] for line in lines if "train/loss" in line or "val/loss" in line)


def cost(run: Path, runs: Path) -> dict[str, float]:
    """Visual tokens and training FLOPs a clip, counted on the first training steps of a run.

    FLOPs are those of forward and backward as executed (`torch.utils.flop_counter`); attention over a shared line is
    counted in full, masked places too. Kept in ``cost.json``.
    """
    from torch.utils.flop_counter import FlopCounterMode

    from vn.adapter import assemble, read_card
    from vn.prompt import Template

    file = runs / f"cost.{run.name.split('-seed')[0].split('@')[0]}.json"
    if file.exists():
        return json.loads(file.read_text())
    config = yaml.safe_load((run / "config.yaml").read_text())
    data = StoryDataModule(config["data"]["data"], config["data"]["clips_per_step"], seed=0)
    card = read_card(run / "adapter")
    template = Template.load(run / "adapter" / "template.yaml", card.clip_header)
    zeros = torch.zeros(card.width)
    assembly = assemble(card, template, zeros, zeros + 1)  # as at the start of training, LoRA not merged
    narrator = assembly.narrator.train()
    reader = MicroBatchReader(data.folder, data.entries("train"), assembly.packer, config["data"]["packing"])
    videos = data.videos("train")
    counts = {"visual_tokens": 0.0, "flops": 0.0}
    clips = 0
    for step in data.schedule.epoch(0)[:COUNTED_STEPS]:
        batch = reader.read(Micro(deal(videos, step, 1)[0], step))
        with FlopCounterMode(display=False) as counter:
            narrator(batch).backward()
        clips += len(batch.keys)
        counts["visual_tokens"] += len(batch.visual_places)
        counts["flops"] += counter.get_total_flops()
    result = {name: value / clips for name, value in counts.items()}
    file.write_text(json.dumps(result))
    return result


def table(study: Study, variants: Sequence[str]) -> int:
    """Count what each variant costs, and compare all that is finished."""
    for variant in variants:
        for folder in (study.folder(variant, s) for s in study.seeds if study.finished(variant, s)):
            counted = cost(folder.parent if variant == OTHER_FRAMES else folder, study.runs)
            (folder / "cost.json").write_text(json.dumps(counted) + "\n")
    code = compare(["compare", str(study.runs)])
    if code == 0:
        print((study.runs / "compare.md").read_text())
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("run", "table"))
    parser.add_argument("--config", type=Path, default=Path("experiments/demo.yaml"))
    parser.add_argument("--runs", type=Path, default=Path("runs/study"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--variants", nargs="+", default=list(ABLATIONS), choices=ABLATIONS)
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time, one thread each")
    args = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(args.config, args.runs, args.seeds)
    equal = [f"{v}@equal_flops" for v in MORE_FRAMES if v in args.variants]
    if args.action == "run":
        failed = study.run(args.variants, args.parallel)
        failed += study.run([OTHER_FRAMES, *equal], args.parallel)
        if failed:
            print(f"{failed} runs failed", file=sys.stderr)
            return 1
    return table(study, [*args.variants, *equal, OTHER_FRAMES])


if __name__ == "__main__":
    sys.exit(main())
