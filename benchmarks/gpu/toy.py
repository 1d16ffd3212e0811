"""A small experiment on disk: a LLaMA with random weights, shards of made-up videos, and `vn fit` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import stories as s
import torch
import yaml
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trials import Result, Run, apart

from vn.data.manifest import Manifest
from vn.data.shard_writer import ShardWriter

FOLDERS = [str(folder) for folder in (Path(__file__).parents[2], Path(__file__).parents[1], Path(__file__).parent)]
TERMINATED = 143
TOKENS, WIDTH = 2, 16  # of a frame
VIDEOS = {"train": 10, "val": 2, "test": 1}


@dataclass(frozen=True)
class Toy:
    """The experiment.

    Attributes:
        folder: holds ``base``, ``data`` and ``runs``.
        cuda: whether commands run on the GPU.
    """

    folder: Path
    cuda: bool

    @classmethod
    def make(cls, run: Run) -> Toy:
        """Write model and data, unless they are there."""
        toy = cls(run.folder / "toy", run.place.cuda)
        if not toy.folder.exists():
            make_base(toy.folder / "base")
            make_data(toy.folder / "data")
        return toy

    def config(self, name: str, **model: Any) -> Path:
        """An experiment's YAML."""
        settings = {
            "seed_everything": 3,
            "checkpoint_every": 2,
            "model": {
                "base_model": str(self.folder / "base"),
                "dtype": "bfloat16",
                "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
                "optimization": {"lr": 0.003},
                **model,
            },
            "data": {"folder": str(self.folder / "data"), "clips_per_step": 8, "workers": 1},
            "trainer": {
                "max_epochs": 2,
                "accelerator": "gpu" if self.cuda else "cpu",
                "devices": 1,
                "precision": "bf16-mixed",
                "logger": False,
                "enable_progress_bar": False,
                "log_every_n_steps": 1,
                "num_sanity_val_steps": 0,
            },
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return file

    def stop_after(self, name: str, step: int) -> str:
        """The flag that stops a run once, or never with a step of 0."""
        arguments = {"file": str(self.folder / f"{name}.stopped"), "step": step}
        return f"--trainer.callbacks={json.dumps([{'class_path': 'stop.StopOnce', 'init_args': arguments}])}"

    def fit(self, name: str, *flags: str, code: int = 0, command: str = "fit", **model: Any) -> Result:
        """`vn fit`, or `vn run`, in a process of its own.

        Raises:
            RuntimeError: it ended otherwise than expected; with what it printed last.
        """
        words = [sys.executable, "-m", "vn.cli", command, "--config", str(self.config(name, **model))]
        words += ["--runs", str(self.folder / "runs"), "--name", name, *flags]
        path = os.pathsep.join([*FOLDERS, *filter(None, [os.environ.get("PYTHONPATH")])])
        env = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        begin = time.monotonic()
        done = subprocess.run(
            words, env=env, capture_output=True, text=True, timeout=120 if self.cuda else 1500, check=False
        )
        if done.returncode != code:
            raise RuntimeError(f"exit code {done.returncode}, not {code}: {done.stderr[-4000:]}")
        losses = self.losses(name)
        return {"exit": code, "seconds": time.monotonic() - begin, "steps": len(losses), "losses": losses}

    def losses(self, name: str) -> list[float]:
        """The logged losses of a run's steps."""
        lines = (self.folder / "runs" / name / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [x["train/loss"] for x in map(json.loads, lines) if "train/loss" in x]

    def stories(self, name: str) -> int:
        """How many stories the test of a run has written and scored."""
        folder = self.folder / "runs" / name
        scored = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        return len((folder / "stories.jsonl").read_text(encoding="utf-8").splitlines()) if scored else 0

    def weights(self, name: str) -> np.ndarray:
        """All trained weights of a finished run, in one vector."""
        files = ("narrator.safetensors", "adapter_model.safetensors")
        found = [load_file(self.folder / "runs" / name / "adapter" / file) for file in files]
        return torch.cat([known[key].double().flatten() for known in found for key in sorted(known)]).numpy()

    def apart(self, name: str, other: str) -> float:
        """How far two runs' weights are from each other, relative."""
        return apart(self.weights(name), self.weights(other))


def make_base(folder: Path) -> None:
    """A LLaMA of two layers with a byte-level tokenizer; wide enough for weights of four bits."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["\n"], trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=0,
        eos_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def make_data(folder: Path) -> None:
    """Shards of short made-up videos."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    splits = {}
    for split, count in VIDEOS.items():
        name = f"{split}-00000.tar"
        with open(folder / name, "wb") as file:
            writer = ShardWriter(file, name, 0)
            for n in range(count):
                story = s.made_up_story(1 + n % 3, len(splits) * 100 + n)
                frames = int(story.clips[-1].end)
                features = random.normal(size=(frames, TOKENS, WIDTH)).astype(np.float16)
                writer.add(story, features, np.arange(frames, dtype=np.float32), None)
            splits[split] = [writer.close()]
    Manifest(
        encoder={"id": "made-up", "settings": {}, "weights_sha256": None},
        similarity_threshold=0.9,
        standardise=True,
        tokens=TOKENS,
        width=WIDTH,
        dtype="float16",
        statistics={"mean": np.zeros(WIDTH), "std": np.ones(WIDTH)},
        language="zh",
        domain="ad",
        splits=splits,
    ).save(folder)
