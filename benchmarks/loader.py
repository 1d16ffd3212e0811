"""The loader of `vn fit`: processor time of a video in the first epoch, the second, and a next run; two builds in turn.

    git worktree add --detach ../old COMMIT
    python benchmarks/loader.py --old ../old --shards demo-work/shards --tokenizer demo-work/base-lm

A process of a build makes the batches of some epochs in itself, without workers, and hashes them: the hashes of both
builds must be equal. Beside the demo's videos there are made-up ones with features of the paper's size, 32 x 768
numbers per frame. What is measured is the making of batches, without the start of the process.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from stories import TOKENS as FRAME_TOKENS
from stories import WIDTH, stories, write_shard
from stories import builder as character_builder
from two_builds import Build, builds, run

EPOCHS = 3


# -- in a process of one build -------------------------------------------------------------------------------------


def digest(batch: Any, found: Any) -> None:
    """Add all of a batch to a hash: tensors with type and shape, and the rest as text."""
    for field in dataclasses.fields(batch):
        value = getattr(batch, field.name)
        found.update(field.name.encode())
        if isinstance(value, torch.Tensor):
            found.update(f"{value.dtype}{list(value.shape)}".encode())
            found.update(value.numpy().tobytes())
        else:
            found.update(repr(value).encode())


def demo_builder(manifest: Any, tokenizer: str) -> tuple[Any, Any]:
    """The card and the row builder of the demo's narrator, without its model."""
    from transformers import AutoTokenizer

    from vn.card import NarratorCard
    from vn.llm.rows import RowBuilder
    from vn.llm.tokens import SegmentTokenizer
    from vn.template import Template, default_template

    template = Template.load(default_template(manifest.language, manifest.domain), "index")
    card = NarratorCard(
        **{"base_model": tokenizer, "base_sha256": "", "template_sha256": template.sha256, "clip_header": "index"},
        **{name: getattr(manifest, name) for name in ("language", "tokens", "width", "standardise", "encoder")},
        threshold=manifest.similarity_threshold,
    )
    statistics_of = [manifest.statistics[name].astype(np.float32) for name in ("mean", "std")]
    tokens = SegmentTokenizer(AutoTokenizer.from_pretrained(tokenizer))
    return card, RowBuilder(tokens, template, card, *(statistics_of if card.standardise else ()))


def made_up_builder(manifest: Any, tokenizer: str) -> tuple[Any, Any]:
    """The same for made-up stories: a token per character."""
    builder = character_builder(2000)
    names = ("language", "tokens", "width", "encoder")
    return SimpleNamespace(**{name: getattr(manifest, name) for name in names}), builder


def epochs(folder: str, tokenizer: str, cache: str, count: int) -> None:
    """Print, for each epoch, milliseconds per video and the hash of its batches."""
    from vn.train.datamodule import StoryDataModule

    torch.set_num_threads(1)
    data = StoryDataModule(folder, workers=0, seed=1, cache=cache, clips_per_step=8)
    card, builder = (demo_builder if tokenizer else made_up_builder)(data.manifest, tokenizer)
    trainer: Any = SimpleNamespace(
        **{"global_rank": 0, "world_size": 1, "accumulate_grad_batches": 1, "current_epoch": 0, "global_step": 0},
        lightning_module=SimpleNamespace(
            assembled=SimpleNamespace(card=card, builder=builder), settings=SimpleNamespace(attention="auto")
        ),
        strategy=SimpleNamespace(root_device=SimpleNamespace(type="cpu")),
    )
    data.trainer = trainer
    videos = int((data.entries("train").column("narrated") > 0).sum())
    for trainer.current_epoch in range(count):
        found, began = hashlib.sha256(), time.process_time()
        spent = 0.0
        for batch in data.train_dataloader():
            spent += time.process_time() - began
            digest(batch, found)
            began = time.process_time()
        spent += time.process_time() - began
        print(json.dumps({"ms": 1000 * spent / videos, "sha256": found.hexdigest()}), flush=True)


# -- both builds -----------------------------------------------------------------------------------------------------


def made_up(folder: Path) -> Path:
    """A data folder of 40 stories with features of the paper's size: about 1.9 MB a video."""
    from vn.data.manifest import Manifest
    from vn.data.shard_entries import ShardEntry

    folder.mkdir()
    name = "train-00000.tar"
    entries = write_shard(stories()[0], folder / name)
    data = (folder / name).read_bytes()
    shard = ShardEntry(name, hashlib.sha256(data).hexdigest(), len(data), entries)
    flat = {"mean": np.zeros(WIDTH), "std": np.ones(WIDTH)}
    Manifest(
        **{"encoder": {}, "similarity_threshold": 0.9, "standardise": False, "tokens": FRAME_TOKENS, "width": WIDTH},
        **{"statistics": flat, "language": "zh", "domain": "ad", "splits": {"train": [shard]}},
    ).save(folder)
    return folder


def measured(build: Build, folder: Path, tokenizer: str, cache: Path) -> list[dict[str, Any]]:
    """The epochs of one run of a build, and the first of a second run with the same cache."""
    found = []
    shutil.rmtree(cache, ignore_errors=True)
    for count in (EPOCHS, 1):
        words = [sys.executable, __file__, "--epochs-of", str(folder), tokenizer, str(cache), str(count)]
        one = run(build, words, Path.cwd())
        if one.code:
            raise SystemExit(f"{build.name}: exit code {one.code}\n{one.stderr}")
        found += [json.loads(line) for line in one.stdout.splitlines() if line.startswith("{")]
    return found


def table(title: str, both: tuple[Build, Build], folder: Path, tokenizer: str, rounds: int, work: Path) -> None:
    """Both builds in turn on a folder: medians, and whether the batches are the same."""
    ran: dict[str, list[list[dict[str, Any]]]] = {build.name: [] for build in both}
    for number in range(rounds):
        for build in both if number % 2 else both[::-1]:
            ran[build.name].append(measured(build, folder, tokenizer, work / f"cache-{build.name}"))
    hashes = {tuple(each["sha256"] for each in one) for name in ran for one in ran[name]}
    print(f"\n{title}; batches {'the same' if len(hashes) == 1 else 'DIFFER'}\n")
    print("| | old ms a video | new ms a video | old / new |\n|---|---:|---:|---:|")
    for n, what in enumerate(["epoch 1", *(f"epoch {n + 2}" for n in range(EPOCHS - 1)), "next run, epoch 1"]):
        old, new = (statistics.median(one[n]["ms"] for one in ran[build.name]) for build in both)
        print(f"| {what} | {old:.2f} | {new:.2f} | {old / new:.2f} |", flush=True)
    if len(hashes) != 1:
        raise SystemExit("the batches differ")


def main() -> None:
    """Print a table for each data folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="a checkout of the older build")
    parser.add_argument("--shards", type=Path, help="the demo's data folder")
    parser.add_argument("--tokenizer", help="the demo's base model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs-of", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.epochs_of:
        folder, tokenizer, cache, count = args.epochs_of
        return epochs(folder, tokenizer, cache, int(count))
    both = builds(args.old)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if args.shards:
            shards = args.shards.resolve()
            table("The demo", both, shards, str(Path(args.tokenizer).resolve()), args.rounds, work)
        table("Made-up videos, 32 x 768 a frame", both, made_up(work / "data"), "", args.rounds, work)


if __name__ == "__main__":
    main()
