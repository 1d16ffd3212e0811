"""Low-rank adaptation of the language model (spec "Training"), through peft."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class LoraSettings:
    """LoRA as the paper has it.

    Attributes:
        rank: r; 0 freezes the language model (the paper's ablation a).
        alpha: the update is scaled by alpha / rank.
        dropout: on the input of each adapter (released: 0.05).
        targets: ``all-linear`` (released: attention and feed-forward), or a list of layer names.
    """

    rank: int = 64
    alpha: int = 16
    dropout: float = 0.05
    targets: str | list[str] = "all-linear"


def add_lora(llm: PreTrainedModel, settings: LoraSettings) -> PreTrainedModel | PeftModel:
    """Freeze the language model and, unless the rank is 0, wrap its linear layers in trainable adapters."""
    llm.requires_grad_(False)
    if settings.rank == 0:
        return llm
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=settings.targets,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(llm, config)
