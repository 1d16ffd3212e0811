"""The settings of training and testing: the keys ``model``, ``data`` and ``test`` of an experiment."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from vn.errors import InputError
from vn.generation.at_once import AtOnce
from vn.generation.decoding import Decoding
from vn.generation.story_writer import Storyline
from vn.io.remote import CACHE_GB, Folder, open_folder
from vn.io.urls import recorded
from vn.llm.dtypes import Dtype
from vn.settings import Attention, NarratorSettings

Packing = Literal["tree", "clip"]


@dataclass(frozen=True)
class Optimization:
    """How the narrator is trained (docs/method.md#training).

    Attributes:
        lr: peak learning rate.
        schedule: ``cosine`` to zero (as in the paper), ``linear`` (what the release actually ran) or ``constant``.
        warmup: share of the steps over which the rate rises.
        weight_decay: AdamW's weight decay.
    """

    lr: float = 1e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.03
    weight_decay: float = 0.0

    def factor(self, step: int, horizon: int) -> float:
        """The learning rate of an optimizer step (from 0), as a share of the peak."""
        warm = math.ceil(self.warmup * horizon)
        if step < warm:
            return (step + 1) / warm
        if self.schedule == "constant":
            return 1.0
        done = min(1.0, (step - warm) / max(1, horizon - warm))
        return 1.0 - done if self.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True)
class ModelSettings(NarratorSettings):
    """What is trained, and how: the key ``model``.

    Attributes:
        template: a shipped template's name or a file; None is the default for the data's language and domain.
        start_from: adapter folder, or hf://USER/REPO, whose weights training starts from; the paper fine-tunes VTimeLLM
            so. None starts from the base model.
        optimization: learning rate and schedule.
        gradient_checkpointing: recompute activations in the backward pass.
        attention: attention kernel for rows that share their beginning in training: ``sdpa``, everywhere; ``varlen``
            (CUDA in half precision) or ``flex`` (CUDA), both one call per layer; ``auto``: ``varlen`` or else ``sdpa``.
        compile: compile the decoder's layers with torch.compile in training, slow at first; not with ``zero3``.
    """

    template: str | None = None
    start_from: str | None = None
    optimization: Optimization = field(default_factory=Optimization)
    gradient_checkpointing: bool = False
    attention: Attention = "auto"
    compile: bool = False


@dataclass(frozen=True)
class DataSettings:
    """Which videos are read, and how: the key ``data``.

    Attributes:
        folder: the folder with ``manifest.json``, made by ``vn prepare``: a path, or a URL ``s3://``, ``https://``,
            ``http://``, ``gs://`` or ``hf://``.
        cache: where copies of a remote folder's samples are kept, and rows for later epochs; None is
            ``~/.cache/vn/data``.
        cache_gb: gigabytes that this cache may have; the least recently used copies are removed.
        rows_gb: gigabytes that the rows of token ids may have there, which are kept from the first epoch for later ones
            and for other runs with the same settings; 0 keeps none. Batches are the same with and without.
        clips_per_step: clips per optimizer step, independent of ranks, workers and accumulation (the paper's 32).
        block_shards: shuffle samples within blocks of this many shards; None shuffles over all.
        workers: loader processes; 0 reads in the main process.
        seed: random seed of the order; None is the value of ``seed_everything``.
        frames: ``other_video`` tests every video with the frames of another one of similar length: a control that
            shows whether frames matter.
        videos_at_once: how many videos a test narrates in parallel, which does not change the results; ``auto`` is as
            many as the GPU's memory has room for, and 16 on other devices.
        packing: ``tree`` lets the clips of a video share their common text in training; ``clip`` is one row per clip.
            The loss is the same.
        bad_samples: how many damaged or over-long videos may be left out of training; each is reported.
        limit: use only this many videos of each split, the first ones; None uses all.
        evaluate_on: ``train`` validates and tests on the train split.
    """

    folder: str
    cache: str | None = None
    cache_gb: float = CACHE_GB
    rows_gb: float = 1.0
    clips_per_step: int = 32
    block_shards: int | None = None
    workers: int = 2
    seed: int | None = None
    frames: Literal["own", "other_video"] = "own"
    videos_at_once: AtOnce = "auto"
    packing: Packing = "tree"
    bad_samples: int = 0
    limit: int | None = None
    evaluate_on: Literal["own", "train"] = "own"

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", recorded(self.folder))
        for name in ("clips_per_step", "videos_at_once"):
            number = getattr(self, name)
            if number != "auto" and number < 1:
                raise InputError(f"expected at least 1, got {number}", field=f"data.{name}")

    def open(self) -> Folder:
        """The data folder, with its cache if it is a remote one."""
        return open_folder(self.folder, cache_folder=self.cache, cache_gb=self.cache_gb)


@dataclass(frozen=True)
class EvaluationSettings:
    """What a test writes: the key ``test``.

    Attributes:
        storyline: the settings to test: ``predicted``, ``given`` (the paper's two tables). Without a storyline only
            ``predicted`` is written.
        decoding: how tokens are chosen.
        dtype: data type of the language model in a test: ``float32``, ``bfloat16``, or ``auto``, bfloat16 where the
            device is faster with it; None is that of training. Another one may write other texts, so that the
            predictions name it, and ``vn compare`` shows such a test as another variant.
    """

    storyline: list[Storyline] = field(default_factory=lambda: ["predicted", "given"])
    decoding: Decoding = field(default_factory=Decoding)
    dtype: Dtype | None = None
