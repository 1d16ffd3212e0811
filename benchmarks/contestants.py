"""Ways to train on a story's clips, with one narrator: ours, the released procedure rebuilt, and HF's Trainer.

All build their micro-batches beforehand; what is timed is forward, backward and the optimizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import stories as s
import torch
from flops import Load, Shape, padded, shared
from hardware import CPU, Place, Seconds
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, Trainer, TrainerCallback, TrainingArguments

from vn.llm.attention import TREE
from vn.llm.kernels import prepared
from vn.llm.lora import add_lora
from vn.llm.norms import fuse_norms
from vn.llm.packing import Batch, collate, share
from vn.llm.rows import RowBuilder
from vn.narrator import VideoNarrator
from vn.settings import Attention, LoraSettings
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
        **{
            "vocab_size": shape.vocabulary,
            "hidden_size": shape.width,
            "intermediate_size": shape.inner,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_width,
            "max_position_embeddings": 1 << 14,
            "tie_word_embeddings": True,
            **others,
        }
    )


def make_llm(shape: Shape, place: Place = CPU, **others: Any) -> Any:
    """A LLaMA with random weights, made on its device."""
    torch.manual_seed(0)
    with place.building():
        return AutoModelForCausalLM.from_config(config_of(shape, **others), dtype=place.dtype)


def stock_lora(llm: Any, settings: LoraSettings) -> Any:
    """LoRA as peft makes it by itself."""
    known = {"r": settings.rank, "lora_alpha": settings.alpha, "lora_dropout": settings.dropout}
    return get_peft_model(llm, LoraConfig(**known, target_modules=settings.targets, task_type="CAUSAL_LM"))


def make_narrator(
    shape: Shape, place: Place = CPU, dropout: float = 0.05, stock: bool = False, **others: Any
) -> VideoNarrator:
    """Random weights of that shape, with LoRA on all linear layers; `stock`: transformers and peft as they are."""
    llm = make_llm(shape, place, use_cache=False, **others)
    if not stock:
        fuse_norms(llm)  # as `vn.llm.load` does
    with place.building():
        llm = (stock_lora if stock else add_lora)(llm, LoraSettings(rank=shape.rank, alpha=16, dropout=dropout))
        return VideoNarrator(llm, s.WIDTH).train()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to train.

    Attributes:
        name: for the tables.
        batches: from an optimizer step's stories to its micro-batches.
        load: what they put through the model.
        attention: the name transformers knows it by.
        loss: of a micro-batch.
        checkpointing: whether activations are computed again.
        kernel: of our attention: ``sdpa``, ``varlen`` or ``flex``.
    """

    name: str
    batches: Callable[[Sequence[Story], RowBuilder], list[Batch]]
    load: Callable[[list[Batch]], Load]
    attention: str
    loss: Callable[[VideoNarrator, Batch], Tensor]
    checkpointing: bool = False
    kernel: Attention = "sdpa"

    def step(
        self, narrator: VideoNarrator, batches: list[Batch], optimizer: torch.optim.Optimizer, place: Place = CPU
    ) -> None:
        """One optimizer step."""
        self.prepare(narrator)
        for batch in batches:
            with place.autocast():
                loss = self.loss(narrator, batch)
            loss.backward()
        # As HF's Trainer and `vn fit` do.
        torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)
        optimizer.step()
        optimizer.zero_grad()

    def prepare(self, narrator: VideoNarrator) -> None:
        """Set the model to this contestant's attention and checkpointing."""
        narrator.attention = self.kernel
        lm = narrator.causal_lm
        lm.set_attn_implementation(self.attention)
        if self.checkpointing:
            lm.gradient_checkpointing_enable({"use_reentrant": False})
        else:
            lm.gradient_checkpointing_disable()


def on_device(batches: list[Batch], kernel: Attention, place: Place) -> list[Batch]:
    """Micro-batches on the device, with what workers prepare for the kernel."""
    for batch in batches:
        if batch.trees is not None:
            batch.prepared = prepared(batch.trees, kernel, place.device)
    return [batch.to(place.device) for batch in batches]


def frames() -> np.ndarray:
    """Features of four frames."""
    return np.random.default_rng(0).normal(size=(s.FRAMES, s.TOKENS, s.WIDTH)).astype(np.float16)


def separate(later: bool, micro_batch: int = MICRO_BATCH) -> Callable[[Sequence[Story], RowBuilder], list[Batch]]:
    """Clips side by side as rows of their own, in the file's order, so many in a micro-batch."""

    def batches(stories: Sequence[Story], builder: RowBuilder) -> list[Batch]:
        rows = []
        for story in stories:
            own = s.rows(story, builder)
            rows += [(row, s.with_later_text(story, builder, row) if later else row) for row in own]
        targets = sum(len(row.supervised) for row, _ in rows)
        whole = [(0, row) for _, row in rows]
        groups = [whole[i : i + micro_batch] for i in range(0, len(whole), micro_batch)]
        return [collate(group, [frames()], s.TOKENS, 0, targets) for group in groups]

    return batches


def in_lines(videos: int) -> Callable[[Sequence[Story], RowBuilder], list[Batch]]:
    """Ours: so many videos in a line, each with its clips on a common trunk."""

    def batches(stories: Sequence[Story], builder: RowBuilder) -> list[Batch]:
        own = [s.rows(story, builder) for story in stories]
        targets = sum(len(row.supervised) for rows in own for row in rows)
        lines = []
        for start in range(0, len(own), videos):
            group = own[start : start + videos]
            line = share([(video, row) for video, rows in enumerate(group) for row in rows])
            lines.append(collate(line, [frames()] * len(group), s.TOKENS, 0, targets))
        return lines

    return batches


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


RELEASED = Contestant("released", separate(True), _separate_load, "sdpa", full_logits_loss)
RELEASED_CHECKPOINTED = replace(RELEASED, name="released, checkpointed", checkpointing=True)
TIGHT = Contestant("HF Trainer, tight", separate(False), _separate_load, "sdpa", full_logits_loss)
OURS = Contestant("ours", in_lines(1), _shared_load, TREE, supervised_loss)
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
    def __init__(self, place: Place) -> None:
        self.place = place
        self.took: list[Seconds] = []

    def on_step_begin(self, *_: object, **__: object) -> None:
        self.begin = self.place.now()

    def on_step_end(self, *_: object, **__: object) -> None:
        wall, cpu = (b - a for a, b in zip(self.begin, self.place.now(), strict=True))
        self.took.append((wall, cpu))


def hf_trainer_steps(
    narrator: VideoNarrator,
    batches: list[Batch],
    folder: str,
    place: Place = CPU,
    steps: int = 1,
    contestant: Contestant = TIGHT,
) -> list[Seconds]:
    """Seconds of optimizer steps of HF's Trainer over tight micro-batches; its set-up and collation are not timed.

    The micro-batches are on the device beforehand.
    """
    contestant.prepare(narrator)
    arguments = TrainingArguments(
        folder,
        per_device_train_batch_size=1,  # a micro-batch is one item here
        gradient_accumulation_steps=len(batches),
        max_steps=steps,
        use_cpu=not place.cuda,
        bf16=place.dtype == torch.bfloat16,
        report_to=[],
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        optim="adamw_torch_fused" if place.cuda else "adamw_torch",
    )
    clock = _Clock(place)
    trainer = Trainer(
        _WithLoss(narrator),
        arguments,
        data_collator=lambda items: {"batch": items[0]},
        train_dataset=_Items(batches),
        callbacks=[clock],
    )
    trainer.train()
    return clock.took
