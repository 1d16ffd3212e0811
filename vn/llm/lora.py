"""Low-rank adaptation of the language model (docs/method.md#training), through peft."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import PreTrainedModel

from vn.errors import InputError
from vn.settings import LoraSettings


def add_lora(llm: PreTrainedModel, settings: LoraSettings) -> PreTrainedModel | PeftModel:
    """Freeze the language model and, unless the rank is 0, wrap its linear layers in trainable adapters.

    Raises:
        InputError: the model has none of the named layers.
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
        with _ties_are_known():
            return _with_few_casts(get_peft_model(llm, config))
    except ValueError as error:
        raise InputError(str(error), field="model.lora.targets") from None


def rounds_once(input: Tensor) -> bool:
    """Whether dropout of this tensor multiplies in float32 and rounds the product alone: CUDA's fused kernel."""
    return input.is_cuda


class CastingDropout(nn.Dropout):
    """The dropout before an adapter, and the cast of its input to the adapter's type, if that changes anything.

    PEFT casts in any case: bfloat16 becomes float32, which autocast turns into bfloat16 again for the matrix product,
    two passes over the line per adapter. Without dropout that changes no bit. With it, CUDA's kernel multiplies in
    float32 and rounds the product, so neither; but the CPU's rounds the factor 1 / (1 - p) to bfloat16.

    Args:
        adapter: the first matrix of the adapter.
        p: dropout probability.
    """

    def __init__(self, adapter: nn.Module, p: float) -> None:
        super().__init__(p)
        self._adapter = (adapter,)  # in a tuple, so not a submodule: its weights belong to the layer

    def forward(self, input: Tensor) -> Tensor:
        """The input of the adapter."""
        drops = self.training and self.p > 0
        if not torch.is_autocast_enabled(input.device.type) or (drops and not rounds_once(input)):
            weight: Tensor = self._adapter[0].weight  # type: ignore[assignment]
            input = input.to(weight.dtype)
        return F.dropout(input, self.p) if drops else input


def _with_few_casts(llm: PeftModel) -> PeftModel:
    """Let `CastingDropout` cast the inputs of linear layers' adapters, instead of PEFT."""
    for module in llm.modules():
        if isinstance(module, LoraLayer):
            for name, adapter in module.lora_A.items():
                rate = float(getattr(module.lora_dropout[name], "p", 0.0))  # without dropout PEFT has an identity
                module.lora_dropout[name] = CastingDropout(adapter, rate)
                module.cast_input_dtype_enabled = False
    return llm


def attention_layers(llm: PreTrainedModel) -> list[str]:
    """Names of the linear layers inside attention, as the architecture names them: ``q_proj``, ``k_proj``, ...

    Raises:
        InputError: none is found.
    """
    names = {
        path.rpartition(".")[2]
        for path, module in llm.named_modules()
        if isinstance(module, nn.Linear) and "attn" in path.rpartition(".")[0].rpartition(".")[2]
    }
    if not names:
        message = f"no known attention layers in a {llm.config.model_type} model"
        raise InputError(message, field="model.lora.targets")
    return sorted(names)


def load_lora(llm: PreTrainedModel, folder: Path) -> PeftModel:
    """Wrap a base model in the LoRA of an adapter folder, for inference.

    Raises:
        Exception: one of many kinds that PEFT raises: files are missing, damaged, or for another base model.
    """
    with _ties_are_known():
        return _with_few_casts(PeftModel.from_pretrained(llm, str(folder)))


def merge_lora(llm: PeftModel) -> PreTrainedModel:
    """Merge LoRA into the base model's weights, in place; only the layers that have LoRA change what they compute."""
    untie(llm)
    merged: PreTrainedModel = llm.merge_and_unload()
    return merged


def untie(llm: PeftModel) -> bool:
    """Give each layer that has LoRA its own weight, if it shares one with another layer.

    A head that is tied to the input embedding is the same parameter: merging LoRA into one of the two would change the
    other as well. Afterwards the configuration states that they are not tied, so that the model is saved with both.

    Returns:
        Whether any layer shared a weight.
    """
    base: Any = llm.get_base_model()
    holders = Counter(id(p) for module in base.modules() for p in module.parameters(recurse=False))
    found = False
    for module in base.modules():
        if not isinstance(module, BaseTunerLayer):
            continue
        layer = module.get_base_layer()
        for name, shared in list(layer.named_parameters(recurse=False)):
            if holders[id(shared)] > 1:
                holders[id(shared)] -= 1
                setattr(layer, name, nn.Parameter(shared.detach().clone(), shared.requires_grad))
                found = True
    if found:
        base.config.tie_word_embeddings = False
    return found


@contextmanager
def _ties_are_known() -> Iterator[None]:
    """Hide PEFT's warning that LoRA on tied layers is merged wrongly, which it is not here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tied layer is part of the adapter.*")
        yield
