"""ChatGLM3-6B as transformers' GLM, without its remote code.

The two are one function: RMSNorm, rotary positions on the first half of each head in interleaved pairs, queries in
groups that share keys and values, biases on these three alone, a gated feed-forward. They differ in how they store it:

    query_key_value   queries, keys and values in one matrix [heads d + 2 groups d, H] with a bias: split by rows
    dense_h_to_4h     gate and up in one matrix [2 F, H], as in transformers' GLM
    tokenizer         a SentencePiece model and turns by id (vn/tokenizer/chatglm.py)

What a configuration may have instead, and this function is not, is refused: older and newer models of the family share
its ``model_type``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GlmConfig, GlmForCausalLM, PreTrainedConfig, PreTrainedModel

from vn.errors import InputError, show
from vn.io.weights import read_weights
from vn.llm.from_weights import from_weights
from vn.llm.lora_files import Lora
from vn.tokenizer.chatglm import CHATGLM
from vn.tokenizer.folder import MARK

SIZES = {  # in the released config.json -> in GlmConfig
    "hidden_size": "hidden_size",
    "ffn_hidden_size": "intermediate_size",
    "num_layers": "num_hidden_layers",
    "num_attention_heads": "num_attention_heads",
    "multi_query_group_num": "num_key_value_heads",
    "kv_channels": "head_dim",
    "padded_vocab_size": "vocab_size",
    "layernorm_epsilon": "rms_norm_eps",
    "seq_length": "max_position_embeddings",
}
FUNCTION: dict[str, Any] = {  # what ChatGLM3 has of all that the configuration can say; missing means the same
    "multi_query_attention": True,
    "rmsnorm": True,
    "post_layer_norm": True,
    "original_rope": True,
    "add_bias_linear": False,
    "apply_residual_connection_post_layernorm": False,
    "hidden_dropout": 0.0,
    "pre_seq_len": None,
}
ROTARY = 0.5  # share of a head's dimensions
THETA = 10000.0
LAYER = re.compile(r"transformer\.encoder\.layers\.(?P<number>\d+)\.(?P<rest>.+)")
OUTSIDE = {
    "transformer.embedding.word_embeddings": "model.embed_tokens",
    "transformer.encoder.final_layernorm": "model.norm",
    "transformer.output_layer": "lm_head",
}
INSIDE = {
    "self_attention.dense": "self_attn.o_proj",
    "mlp.dense_h_to_4h": "mlp.gate_up_proj",
    "mlp.dense_4h_to_h": "mlp.down_proj",
    "input_layernorm": "input_layernorm",
    "post_attention_layernorm": "post_attention_layernorm",
}
FUSED = "self_attention.query_key_value"
PARTS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")


def glm_config(config: Mapping[str, Any], file: Path) -> GlmConfig:
    """The configuration of the same model as transformers' GLM.

    Args:
        config: a released ``config.json``.
        file: its path, for errors.

    Raises:
        InputError: it is another model of the family, or a quantized one, or a size is missing.
    """
    _refuse_others(config, file)
    missing = [name for name in SIZES if name not in config]
    if missing:
        raise InputError("missing", file=file, field=missing[0])
    for name, ours in FUNCTION.items():
        if config.get(name, ours) != ours:
            message = f"expected {show(ours)} as in ChatGLM3-6B, found {show(config[name])}"
            raise InputError(message, file=file, field=name)
    return GlmConfig(
        **{new: config[name] for name, new in SIZES.items()},
        attention_bias=bool(config.get("add_qkv_bias", True)),
        attention_dropout=config.get("attention_dropout", 0.0),
        rope_parameters={
            "rope_type": "default",
            "rope_theta": THETA * (config.get("rope_ratio") or 1.0),  # 50 in ChatGLM3-6B-32k
            "partial_rotary_factor": ROTARY,
        },
        bos_token_id=None,
        eos_token_id=config.get("eos_token_id", 2),
        pad_token_id=config.get("pad_token_id", 0),
        tie_word_embeddings=False,
    )


def read_glm_config(name: str) -> GlmConfig:
    """The configuration of a ChatGLM3 base model, in the released layout or exported by vn, as transformers' GLM.

    Args:
        name: a folder or a name on the hub.

    Raises:
        InputError: there is none, or it is another model.
    """
    try:
        config, _ = PreTrainedConfig.get_config_dict(name)
    except (OSError, ValueError) as error:
        raise InputError(f"no model configuration here: {error}", file=name, field="base_model") from None
    if config.get("model_type") == GlmConfig.model_type:
        return GlmConfig.from_dict(config)
    if config.get("model_type") != CHATGLM:
        message = f"is a {config.get('model_type')} model, and the weights are for ChatGLM3"
        raise InputError(message, file=name, field="base_model")
    return glm_config(config, Path(name) / "config.json")


def _refuse_others(config: Mapping[str, Any], file: Path) -> None:
    """Refuse models that only share ChatGLM3's ``model_type``, as far as they can be distinguished."""
    name = str(config.get("_name_or_path", "")).lower()
    if config.get("quantization_bit"):
        message = "a quantized checkpoint is not read; take ChatGLM3-6B in half precision and set model.quantization"
        raise InputError(message, file=file, field="quantization_bit")
    if "position_encoding_2d" in config or "inner_hidden_size" in config:
        message = "the first ChatGLM-6B has two-dimensional positions and is not supported; use ChatGLM3-6B"
        raise InputError(message, file=file, field="model_type")
    if "chatglm2" in name:
        message = "ChatGLM2 has no turns in its vocabulary and is not supported; use ChatGLM3-6B"
        raise InputError(message, file=file, field="_name_or_path")
    if "glm-4" in name or config.get("padded_vocab_size") == 151552:
        message = "GLM-4's tokenizer is not a SentencePiece model; take the release for transformers (model_type glm)"
        raise InputError(message, file=file, field="padded_vocab_size")


def _split_fused(tensor: Tensor, config: GlmConfig) -> tuple[Tensor, ...]:
    """The rows of a fused ``[heads d + 2 groups d, ...]`` that belong to queries, keys and values.

    Raises:
        ValueError: it has another number of rows.
    """
    heads = config.num_attention_heads
    groups = config.num_key_value_heads or heads
    width = config.head_dim or config.hidden_size // heads
    sizes = [heads * width, groups * width, groups * width]
    if len(tensor) != sum(sizes):
        raise ValueError(f"expected {sum(sizes)} rows, found {len(tensor)}")
    return tuple(tensor.split(sizes))


def is_chatglm_layer(name: str) -> bool:
    """Whether a layer's name is one of ChatGLM's own, e.g. ``transformer.encoder.layers.0.mlp.dense_h_to_4h``."""
    return LAYER.fullmatch(name) is not None


def glm_layer(name: str) -> str | None:
    """A layer's name in transformers' GLM, ``model.`` included; None if it is not known, or is the fused one.

    Args:
        name: without ``.weight`` or ``.bias``.
    """
    if match := LAYER.fullmatch(name):
        inside = INSIDE.get(match["rest"])
        return inside and f"model.layers.{match['number']}.{inside}"
    return OUTSIDE.get(name)


def glm_weights(tensors: Mapping[str, Tensor], config: GlmConfig, folder: Path) -> dict[str, Tensor]:
    """ChatGLM3's weights under the names of transformers' GLM; names that are not known stay.

    Args:
        tensors: the released weights.
        config: gives the sizes of queries, keys and values.
        folder: where they are from, for errors.

    Raises:
        InputError: a fused matrix has another number of rows.
    """
    renamed: dict[str, Tensor] = {}
    for full, tensor in tensors.items():
        if full.endswith("rotary_pos_emb.inv_freq"):
            continue
        name, _, kind = full.rpartition(".")
        match = LAYER.fullmatch(name)
        if match and match["rest"] == FUSED:
            try:
                parts = _split_fused(tensor, config)
            except ValueError as error:
                raise InputError(str(error), file=folder, field=full) from None
            for part, rows in zip(PARTS, parts, strict=True):
                renamed[f"model.layers.{match['number']}.{part}.{kind}"] = rows
        else:
            renamed[f"{glm_layer(name) or name}.{kind}"] = tensor
    return renamed


def glm_lora(lora: Lora, config: GlmConfig) -> Lora:
    """LoRA on ChatGLM3's layers as LoRA on those of transformers' GLM; layers that are not known keep their names.

    The update of the fused matrix becomes three: one A for all of them, and B split by rows.

    Raises:
        InputError: a fused matrix has another number of rows.
    """
    matrices: dict[tuple[str, str], Tensor] = {}
    for (layer, side), tensor in lora.matrices.items():
        match = LAYER.fullmatch(layer)
        if match and match["rest"] == FUSED:
            try:
                parts = (tensor,) * len(PARTS) if side == "A" else _split_fused(tensor, config)
            except ValueError as error:
                raise InputError(str(error), file=lora.file, field=layer) from None
            for part, rows in zip(PARTS, parts, strict=True):
                matrices[f"layers.{match['number']}.{part}", side] = rows.contiguous()
        else:
            matrices[(glm_layer(layer) or layer).removeprefix("model."), side] = tensor
    return replace(lora, matrices=matrices)


def load_model(folder: Path, config: Mapping[str, Any], dtype: torch.dtype, **options: Any) -> PreTrainedModel:
    """Load a ChatGLM3 folder as a `GlmForCausalLM`.

    Args:
        folder: folder with ``config.json`` and weights.
        config: content of its ``config.json``.
        dtype: data type of the loaded weights.
        options: further options of `from_pretrained`, e.g. ``quantization_config``.

    Raises:
        InputError: another model of the family, or weights are missing, damaged, or do not match the configuration.
    """
    glm = glm_config(config, folder / "config.json")
    weights = glm_weights(read_weights(folder), glm, folder)
    llm = from_weights(GlmForCausalLM, glm, weights, folder, dtype=dtype, **options)
    setattr(llm.config, MARK, CHATGLM)
    return llm
