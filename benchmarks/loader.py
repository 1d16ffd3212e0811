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


def row_builder(manifest: Any, tokenizer: str) -> tuple[Any, Any]:
    """The card and the row builder of a new narrator, without its model."""
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


def epochs(folder: str, tokenizer: str, cache: str, count: int) -> None:
    """Print, for each epoch, milliseconds per video and the hash of its batches."""
    from vn.train.datamodule import StoryDataModule

    torch.set_num_threads(1)
    data = StoryDataModule(folder, workers=0, seed=1, cache=cache, clips_per_step=8)
    card, builder = row_builder(data.manifest, tokenizer)
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
        **{
            "encoder": {"id": "made-up", "settings": {}, "weights_sha256": None},
            "similarity_threshold": 0.9,
            "standardise": False,
            "tokens": FRAME_TOKENS,
            "width": WIDTH,
        },
        **{"statistics": flat, "language": "zh", "domain": "ad", "splits": {"train": [shard]}},
    ).save(folder)
    return folder


def character_tokenizer(folder: Path) -> Path:
    """A tokenizer with a token per Chinese character, about what such text costs a Chinese language model."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = ["<unk>", "\n", *map(chr, range(32, 127)), *map(chr, range(0x4E00, 0x9FA5))]
    tokenizer = Tokenizer(models.WordLevel({letter: n for n, letter in enumerate(letters)}, "<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    return folder


def measured(build: Build, folders: list[tuple[Path, str]], cache: Path) -> list[list[dict[str, Any]]]:
    """For each data folder the epochs of a run of a build, and the first of a next run with the same cache."""
    shutil.rmtree(cache, ignore_errors=True)
    words = [sys.executable, __file__, "--cache", str(cache)]
    for folder, tokenizer in folders:
        words += ["--epochs-of", str(folder), tokenizer]
    one = run(build, words, Path.cwd())
    if one.code:
        raise SystemExit(f"{build.name}: exit code {one.code}\n{one.stderr}")
    found = [json.loads(line) for line in one.stdout.splitlines() if line.startswith("{")]
    return [found[n : n + EPOCHS + 1] for n in range(0, len(found), EPOCHS + 1)]


def table(title: str, old: list[list[dict[str, Any]]], new: list[list[dict[str, Any]]]) -> None:
    """Medians of the rounds of both builds, and whether the batches are the same."""
    hashes = {tuple(each["sha256"] for each in one) for one in (*old, *new)}
    print(f"\n{title}; batches {'the same' if len(hashes) == 1 else 'DIFFER'}\n")
    print("| | old ms per video | new ms per video | old / new |\n|---|---:|---:|---:|")
    for n, what in enumerate([*(f"epoch {n + 1}" for n in range(EPOCHS)), "next run, epoch 1"]):
        first, second = (statistics.median(one[n]["ms"] for one in rounds) for rounds in (old, new))
        print(f"| {what} | {first:.2f} | {second:.2f} | {first / second:.2f} |", flush=True)
    if len(hashes) != 1:
        raise SystemExit("the batches differ")


def main() -> None:
    """Print a table for each data folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=Path, help="a checkout of the older build")
    parser.add_argument("--shards", type=Path, help="the demo's data folder")
    parser.add_argument("--tokenizer", help="the demo's base model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs-of", nargs=2, action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--cache", help=argparse.SUPPRESS)
    args = parser.parse_args()
    for folder, tokenizer in args.epochs_of:
        for count in (EPOCHS, 1):  # a run, and a next one
            epochs(folder, tokenizer, args.cache, count)
    if args.epochs_of:
        return
    both = builds(args.old)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folders = [
            ("Made-up videos, 32 x 768 numbers per frame", made_up(work / "data"), str(character_tokenizer(work / "t")))
        ]
        if args.shards:
            folders.append(("The demo", args.shards.resolve(), str(Path(args.tokenizer).resolve())))
        ran: dict[str, list[Any]] = {build.name: [] for build in both}
        for number in range(args.rounds):
            for build in both if number % 2 else both[::-1]:
                words = [(folder, tokenizer) for _, folder, tokenizer in folders]
                ran[build.name].append(measured(build, words, work / f"cache-{build.name}"))
        for n, (title, _, _) in enumerate(folders):
            table(title, *([one[n] for one in ran[build.name]] for build in both))


if __name__ == "__main__":
    main()
