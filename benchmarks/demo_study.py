"""What does each part of the method do? The demo's ablations, with controls, over seeds.

    python benchmarks/demo_study.py run         after `vn demo`: trains and tests all (about an hour on two cores)
    python benchmarks/demo_study.py table       compares what is finished

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

from vn.compare.paired import SeedDifference, holm, seed_difference
from vn.data.datamodule import Micro, MicroBatchReader, StoryDataModule
from vn.data.order import deal
from vn.metrics.measures import Choices, Measure, measure
from vn.metrics.predictions import gather, read_lines
from vn.train.arguments import ABLATIONS

SETTINGS = ("predicted", "given")
MORE_FRAMES = ("no_compression", "no_memory")
OTHER_FRAMES = "other_frames"
METRICS = (
    "cider",
    "facts",
    "facts_picture",
    "facts_earlier_picture",
    "facts_earlier_text",
    "facts_position",
    "facts_label",
    "facts_knowledge",
    "label_agreement",
    "word_length_accuracy",
)
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

    def measured(self, variant: str, seed: int, setting: str, names: Sequence[str]) -> dict[str, Measure]:
        """The metrics of one finished run that could be computed."""
        folder = self.folder(variant, seed)
        stories = read_lines(folder / "stories.jsonl")
        test = gather(read_lines(folder / f"predictions.{setting}.jsonl"), stories)
        return {n: m for n, m in measure(test, Choices(), names).items() if isinstance(m, Measure)}


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


def table(study: Study, variants: Sequence[str]) -> None:
    """Print scores, differences and the saving, as Markdown."""
    for setting in SETTINGS:
        shown = [v for v in variants if all(_tested(study, v, s, setting) for s in study.seeds)]
        if "full" not in shown:
            continue
        found = {v: [study.measured(v, s, setting, METRICS) for s in study.seeds] for v in shown}
        names = [m for m in METRICS if m in found["full"][0]]
        print(f"\n### Storyline {setting}: means over seeds {study.seeds}, x100\n")
        head = [*names, "visual tokens a clip", "GFLOP a clip"]
        print(f"| variant | {' | '.join(head)} |\n|---|{'---:|' * len(head)}")
        for variant in shown:
            cells = [_mean(found[variant], name) for name in names]
            c = cost(study.folder("full" if variant == OTHER_FRAMES else variant, study.seeds[0]), study.runs)
            print(f"| {variant} | {' | '.join(cells)} | {c['visual_tokens']:.1f} | {c['flops'] / 1e9:.2f} |")
        for name in names:
            differences = {
                v: seed_difference([f[name] for f in found["full"]], [f[name] for f in found[v]])
                for v in shown
                if v != "full" and all(name in f and _alike(f[name], found["full"][0][name]) for f in found[v])
            }
            if differences:
                _differences(name, differences)


def _alike(one: Measure, other: Measure) -> bool:
    """Whether two runs were asked the same: without a storyline, labels are no facts."""
    return one.videos == other.videos and one.coverage.get("facts") == other.coverage.get("facts")


def _tested(study: Study, variant: str, seed: int, setting: str) -> bool:
    return (study.folder(variant, seed) / f"predictions.{setting}.jsonl").exists()


def _mean(runs: Sequence[dict[str, Measure]], name: str) -> str:
    values = [100 * run[name].value for run in runs if name in run]
    return f"{sum(values) / len(values):.1f}" if values else "-"


def _differences(name: str, differences: dict[str, SeedDifference]) -> None:
    corrected = holm({v: d.p_value for v, d in differences.items()})
    print(f"\n{name}, variant minus full (x100):\n")
    print("| variant | difference | 95 % interval | by seed | p (Holm) | counts |\n|---|---:|---|---|---:|---|")
    for variant, d in differences.items():
        seeds = " ".join(f"{100 * s:+.1f}" for s in d.seeds)
        sure = "yes" if d.counts(corrected[variant]) else "no"
        span = f"{100 * d.low:+.1f} to {100 * d.high:+.1f}"
        print(f"| {variant} | {100 * d.value:+.1f} | {span} | {seeds} | {corrected[variant]:.4f} | {sure} |")


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
    table(study, [*args.variants, *equal, OTHER_FRAMES])
    return 0


if __name__ == "__main__":
    sys.exit(main())
