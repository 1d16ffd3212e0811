"""Low-rank adaptation of the language model (spec "Training"), through peft."""

from __future__ import annotations

from dataclasses import dataclass

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from vn.errors import InputError


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class LoraSettings:
    """LoRA as the paper has it.

    Attributes:
        rank: r; 0 freezes the language model (the paper's ablation a).
        alpha: the update is scaled by alpha / rank.
        dropout: on the input of each adapter (released: 0.05).
        targets: ``all-linear`` (released: attention and feed-forward), ``attention``, or a list of layer names.
    """

    rank: int = 64
    alpha: int = 16
    dropout: float = 0.05
    targets: str | list[str] = "all-linear"


def add_lora(llm: PreTrainedModel, settings: LoraSettings) -> PreTrainedModel | PeftModel:
    """Freeze the language model and, unless the rank is 0, wrap its linear layers in trainable adapters.

    Raises:
        InputError: the model has none of the layers named.
    """
    llm.requires_grad_(False)
    if settings.rank == 0:
        return llm
    targets = attention_layers(llm) if settings.targets == "attention" else settings.targets
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(llm, config)
    except ValueError as error:
        raise InputError(str(error), field="model.lora.targets") from None


def attention_layers(llm: PreTrainedModel) -> list[str]:
    """Names of the linear layers inside attention, as the architecture has them: ``q_proj``, ``k_proj``, ...

    Raises:
        InputError: none is found.
    """
    names = {
        path.rpartition(".")[2]
        for path, module in llm.named_modules()
        if isinstance(module, nn.Linear) and "attn" in path.rpartition(".")[0].rpartition(".")[2]
    }
    if not names:
        message = f"a {llm.config.model_type} has no attention layers that are known"
        raise InputError(message, field="model.lora.targets")
    return sorted(names)
