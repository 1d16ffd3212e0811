"""Ways to train on a story's clips, with one narrator: ours, the released procedure rebuilt, and HF's Trainer.

All build their micro-batches beforehand; what is timed is forward, backward and the optimizer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import stories as s
import torch
from flops import Load, Shape, padded, shared
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainerCallback, TrainingArguments

from vn.llm.attention import TREE
from vn.llm.lora import add_lora
from vn.llm.packing import Batch, collate, share
from vn.llm.rows import RowBuilder
from vn.narrator import VideoNarrator
from vn.settings import LoraSettings
from vn.story import Story

MICRO_BATCH = 4  # clips, of the released procedure

SHAPES = {
    "cut": Shape(6, 576, 9, 3, 64, 1536, 49152),  # SmolLM2-135M's first six layers
    "smollm2": Shape(30, 576, 9, 3, 64, 1536, 49152),
    "tiny": Shape(2, 128, 4, 4, 32, 512, 2000, rank=32),  # as `vn demo` makes it
}


def config_of(shape: Shape, **others: Any) -> LlamaConfig:
    """A model's configuration."""
    return LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_width,
        max_position_embeddings=1 << 14,
        tie_word_embeddings=True,
        **others,
    )


def make_narrator(name: str) -> VideoNarrator:
    """Random weights of that shape, in fp32, with LoRA as released."""
    shape = SHAPES[name]
    torch.manual_seed(0)
    config = config_of(shape, use_cache=False)
    llm = add_lora(LlamaForCausalLM(config), LoraSettings(rank=shape.rank, alpha=16))
    return VideoNarrator(llm, s.WIDTH).train()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to train.

    Attributes:
        name: for the tables.
        batches: from a story to micro-batches.
        load: what they put through the model.
        attention: the name transformers knows it by.
        loss: of a micro-batch.
        checkpointing: whether activations are computed again.
    """

    name: str
    batches: Callable[[Story, RowBuilder], list[Batch]]
    load: Callable[[list[Batch]], Load]
    attention: str
    loss: Callable[[VideoNarrator, Batch], Tensor]
    checkpointing: bool = False

    def step(self, narrator: VideoNarrator, batches: list[Batch], optimizer: torch.optim.Optimizer) -> None:
        """One optimizer step."""
        self.prepare(narrator)
        for batch in batches:
            self.loss(narrator, batch).backward()
        optimizer.step()
        optimizer.zero_grad()

    def prepare(self, narrator: VideoNarrator) -> None:
        """Set the model to this contestant's attention and checkpointing."""
        lm = narrator.causal_lm
        lm.set_attn_implementation(self.attention)
        if self.checkpointing:
            lm.gradient_checkpointing_enable({"use_reentrant": False})
        else:
            lm.gradient_checkpointing_disable()


def frames() -> np.ndarray:
    """Features of four frames."""
    return np.random.default_rng(0).normal(size=(s.FRAMES, s.TOKENS, s.WIDTH)).astype(np.float16)


def _separate(later: bool) -> Callable[[Story, RowBuilder], list[Batch]]:
    def batches(story: Story, builder: RowBuilder) -> list[Batch]:
        rows = s.rows(story, builder)
        targets = sum(len(row.supervised) for row in rows)
        if later:
            rows = [s.with_later_text(story, builder, row) for row in rows]
        groups = [rows[i : i + MICRO_BATCH] for i in range(0, len(rows), MICRO_BATCH)]
        return [collate([(0, row) for row in group], [frames()], s.TOKENS, 0, targets) for group in groups]

    return batches


def _ours(story: Story, builder: RowBuilder) -> list[Batch]:
    return [collate(share([(0, row) for row in s.rows(story, builder)]), [frames()], s.TOKENS, 0)]


def _separate_load(batches: list[Batch]) -> Load:
    loads = [padded([b.ids.shape[1]] * len(b.ids), visual=len(b.visual_index)) for b in batches]
    return sum(loads[1:], start=loads[0])


def _shared_load(batches: list[Batch]) -> Load:
    loads = [shared(b.trees or (), len(b.targets), len(b.visual_index)) for b in batches]
    return sum(loads[1:], start=loads[0])


def full_logits_loss(narrator: VideoNarrator, batch: Batch) -> Tensor:
    """transformers' own loss: logits of the whole vocabulary at every place, labels at the supervised ones."""
    labels = torch.full_like(batch.ids, -100)
    labels.view(-1)[batch.target_index] = batch.targets
    visual = narrator.visual_tokens(batch.frames, batch.weights, batch.clip_positions)
    inputs = narrator.embed(batch.ids, visual, batch.visual_index)
    loss = narrator.llm(inputs_embeds=inputs, attention_mask=batch.mask, labels=labels).loss
    return loss * (len(batch.targets) / batch.step_targets)


def supervised_loss(narrator: VideoNarrator, batch: Batch) -> Tensor:
    """Ours: logits at supervised places."""
    return narrator(batch) / batch.step_targets


RELEASED = Contestant("released", _separate(True), _separate_load, "sdpa", full_logits_loss)
RELEASED_CHECKPOINTED = replace(RELEASED, name="released, checkpointed", checkpointing=True)
TIGHT = Contestant("HF Trainer, tight", _separate(False), _separate_load, "sdpa", full_logits_loss)
OURS = Contestant("ours", _ours, _shared_load, TREE, supervised_loss)
OURS_CHECKPOINTED = replace(OURS, name="ours, checkpointed", checkpointing=True)


class _Items(torch.utils.data.Dataset):
    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.batches[index]


class _WithLoss(nn.Module):
    """A narrator as HF's Trainer wants models: it returns its loss."""

    def __init__(self, narrator: VideoNarrator) -> None:
        super().__init__()
        self.narrator = narrator

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": full_logits_loss(self.narrator, batch)}


class _Clock(TrainerCallback):
    def __init__(self, now: Callable[[], tuple[float, float]]) -> None:
        self.now = now

    def on_step_begin(self, *_: object, **__: object) -> None:
        self.begin = self.now()

    def on_step_end(self, *_: object, **__: object) -> None:
        self.end = self.now()


def hf_trainer_step(
    narrator: VideoNarrator, batches: list[Batch], folder: str, now: Callable[[], tuple[float, float]]
) -> tuple[float, float]:
    """One optimizer step of HF's Trainer over the tight micro-batches; its set-up and collation are not timed."""
    TIGHT.prepare(narrator)
    arguments = TrainingArguments(
        folder,
        per_device_train_batch_size=1,  # a micro-batch is one item here
        gradient_accumulation_steps=len(batches),
        max_steps=1,
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        optim="adamw_torch",
    )
    clock = _Clock(now)
    trainer = Trainer(
        _WithLoss(narrator),
        arguments,
        data_collator=lambda items: {"batch": items[0]},
        train_dataset=_Items(batches),
        callbacks=[clock],
    )
    trainer.train()
    wall, cpu = (b - a for a, b in zip(clock.begin, clock.end, strict=True))
    return wall, cpu
