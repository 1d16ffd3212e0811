"""How much faster a training step is if the clips of a video share their common tokens."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import cast

import torch
import yaml

from vn.adapter import assemble
from vn.card import read_card
from vn.data.order import deal
from vn.template import ClipHeader, Template
from vn.train.datamodule import StoryDataModule
from vn.train.micro_batches import MicroBatchPlan, MicroBatchReader
from vn.train.settings import Packing

PACKINGS: tuple[Packing, ...] = ("tree", "clip")


def packing_speed(run: Path, steps: int = 6) -> dict[Packing, float]:
    """Median seconds per step, forward and backward, packed (``tree``) and with one row per clip, timed in turn.

    Args:
        run: a run folder; its experiment's first steps are timed, with an untrained narrator.
        steps: steps to time each way, after one for warm-up.
    """
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    data = StoryDataModule(config["data"]["folder"], clips_per_step=config["data"]["clips_per_step"], seed=0)
    card = read_card(run / "adapter")
    template = Template.load(str(run / "adapter" / "template.yaml"), cast(ClipHeader, card.clip_header))
    zeros = torch.zeros(card.width)
    assembly = assemble(card, template, zeros, zeros + 1)
    narrator = assembly.narrator.train()
    videos = data.videos("train")
    readers = {p: MicroBatchReader(data.folder, data.entries("train"), assembly.builder, p) for p in PACKINGS}
    seconds: dict[Packing, list[float]] = {packing: [] for packing in PACKINGS}
    for step in data.schedule.epoch(0)[: steps + 1]:
        for packing, reader in readers.items():
            batch = reader.read(MicroBatchPlan(deal(videos, step, 1)[0], step))
            began = time.perf_counter()
            narrator(batch).backward()
            seconds[packing].append(time.perf_counter() - began)
    return {packing: median(took[1:] or took) for packing, took in seconds.items()}
