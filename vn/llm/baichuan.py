"""Baichuan-7B and Baichuan2-7B as the plain LLaMA models they are, without their remote code.

They differ from LLaMA in three places, each only another way to store the same function:

    W_pack          queries, keys and values in one matrix [3 H, H]: split by rows
    NormHead        Baichuan2 divides each row of the output matrix by its norm: divided once, here
    tokenizer       a SentencePiece model, read by SentencePiece itself (vn/tokenizer/pieces.py)

The 13B models use ALiBi instead of rotary positions, which LLaMA does not have: they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from vn.errors import InputError
from vn.io.weights import read_weights
from vn.llm.from_weights import from_weights
from vn.tokenizer.folder import MARK

VOCABULARIES = {64000: False, 125696: True}  # released models' sizes -> whether the head is normalised
KEPT = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "rms_norm_eps")


def llama_config(config: Mapping[str, Any], file: Path) -> LlamaConfig:
    """The configuration of the same model as a LLaMA.

    Args:
        config: a Baichuan ``config.json``.
        file: its path, for errors.

    Raises:
        InputError: it is one of the 13B models, or a size is missing.
    """
    # The 13B models have no max_position_embeddings, only model_max_length.
    if "max_position_embeddings" not in config or config.get("position_embedding", "ROPE") != "ROPE":
        raise InputError(
            "the 13B Baichuan models use ALiBi instead of rotary positions and are not supported; use a 7B one",
            file=file,
            field="max_position_embeddings",
        )
    missing = [name for name in KEPT if name not in config]
    if missing:
        raise InputError("missing", file=file, field=missing[0])
    tokens = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in config}
    return LlamaConfig(
        **{name: config[name] for name in KEPT},
        **tokens,
        max_position_embeddings=config["max_position_embeddings"],
        hidden_act=config.get("hidden_act", "silu"),
        initializer_range=config.get("initializer_range", 0.02),
        tie_word_embeddings=False,
    )


def head_is_normalised(config: Mapping[str, Any]) -> bool:
    """Whether the model has Baichuan2's head: by its vocabulary size, else by the spelling of its class."""
    known = VOCABULARIES.get(config.get("vocab_size", 0))
    return "BaichuanForCausalLM" in (config.get("architectures") or ()) if known is None else known


def llama_weights(tensors: Mapping[str, Tensor], normalise_head: bool) -> dict[str, Tensor]:
    """Baichuan's weights under LLaMA's names.

    Args:
        tensors: the released weights.
        normalise_head: divide each row of ``lm_head`` by its norm.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith("rotary_emb.inv_freq"):
            continue
        if ".W_pack." in name:
            for part, rows in zip(("q_proj", "k_proj", "v_proj"), tensor.chunk(3), strict=True):
                renamed[name.replace("W_pack", part)] = rows
        elif name == "lm_head.weight" and normalise_head:
            renamed[name] = F.normalize(tensor.float(), dim=1).to(tensor.dtype)
        else:
            renamed[name] = tensor
    return renamed


def load_model(folder: Path, config: Mapping[str, Any], dtype: torch.dtype, **options: Any) -> PreTrainedModel:
    """Load a Baichuan folder as a `LlamaForCausalLM`.

    Args:
        folder: folder with ``config.json`` and weights.
        config: content of its ``config.json``.
        dtype: data type of the loaded weights.
        options: further options of `from_pretrained`, e.g. ``quantization_config``.

    Raises:
        InputError: a 13B model, or weights are missing, damaged, or do not match the configuration.
    """
    llama = llama_config(config, folder / "config.json")
    weights = llama_weights(read_weights(folder), head_is_normalised(config))
    llm = from_weights(LlamaForCausalLM, llama, weights, folder, dtype=dtype, **options)
    setattr(llm.config, MARK, True)
    return llm
