"""Parts of the demo's study that `make ablations` leaves out: the cost of each variant, and ablations at equal FLOPs.

    python benchmarks/demo_study.py cost RUN...         counts visual tokens and FLOPs per clip; `vn compare` shows them
    python benchmarks/demo_study.py equal-flops RUN...  trains runs that show more frames for as many FLOPs as `full`

RUN is the folder of a finished run, such as runs/demo_ablations/no_memory-seed0, with full-seed0 beside it; the new
run will be no_memory@equal_flops-seed0.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch
import yaml

from vn.cli import main as vn
from vn.compare.runs import COST
from vn.data.order import deal
from vn.score.predictions import read_lines
from vn.train.datamodule import StoryDataModule
from vn.train.micro_batches import MicroBatchPlan, MicroBatchReader

COUNTED_STEPS = 40  # training steps whose tokens and FLOPs are counted


def last_step(run: Path) -> int:
    """Optimizer steps of a run."""
    lines = read_lines(run / "metrics.jsonl")
    return max(line["step"] for line in lines if "train/loss" in line or "val/loss" in line)


def cost(run: Path) -> dict[str, float]:
    """Visual tokens and training FLOPs a clip, counted on the first training steps of a run.

    FLOPs are those of forward and backward as executed (`torch.utils.flop_counter`); attention over a shared line is
    counted in full, masked places too. Kept in the run's ``cost.json``, where `vn compare` finds it.
    """
    from torch.utils.flop_counter import FlopCounterMode

    from vn.adapter import assemble
    from vn.card import read_card
    from vn.template import Template

    file = run / COST
    if file.exists():
        return json.loads(file.read_text())
    config = yaml.safe_load((run / "config.yaml").read_text())
    data = StoryDataModule(config["data"]["folder"], clips_per_step=config["data"]["clips_per_step"], seed=0)
    card = read_card(run / "adapter")
    template = Template.load(run / "adapter" / "template.yaml", card.clip_header)
    zeros = torch.zeros(card.width)
    assembly = assemble(card, template, zeros, zeros + 1)  # as at the start of training, LoRA not merged
    narrator = assembly.narrator.train()
    reader = MicroBatchReader(data.folder, data.entries("train"), assembly.builder, config["data"]["packing"])
    videos = data.videos("train")
    counts = {"visual_tokens": 0.0, "flops": 0.0}
    clips = 0
    for step in data.schedule.epoch(0)[:COUNTED_STEPS]:
        batch = reader.read(MicroBatchPlan(deal(videos, step, 1)[0], step))
        with FlopCounterMode(display=False) as counter:
            narrator(batch).backward()
        clips += len(batch.keys)
        counts["visual_tokens"] += len(batch.visual_index)
        counts["flops"] += counter.get_total_flops()
    result = {name: value / clips for name, value in counts.items()}
    file.write_text(json.dumps(result) + "\n")
    return result


def equal_flops(run: Path) -> int:
    """Train a run's configuration anew for the FLOPs of the full method's training; gives the exit code."""
    variant, seed = run.name.split("-seed")
    full = run.with_name(f"full-seed{seed}")
    steps = round(last_step(full) * cost(full)["flops"] / cost(run)["flops"])
    name = f"{variant}@equal_flops-seed{seed}"
    words = ["--config", str(run / "config.yaml"), "--runs", str(run.parent), "--name", name]
    return vn(["run", *words, "--trainer.logger", "false", "--trainer.max_steps", str(steps)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("cost", "equal-flops"))
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.action == "equal-flops":
        return max(equal_flops(run) for run in args.runs)
    for run in args.runs:
        print(f"{run}: {cost(run)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
