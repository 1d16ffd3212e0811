"""LLaMA's layers without the overhead of transformers, for passes of a few tokens.

A pass that reads one token of each story is short, and what transformers does around its matrix products (masks, hooks,
passing arguments, norms and RoPE in many small steps) took longer than the products of a small model. The weights,
and the arithmetic in fp32, are the same.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaModel, LlamaRMSNorm

from vn.llm.slots import Attends


def is_plain(decoder: nn.Module) -> bool:
    """Whether a decoder is LLaMA's own, without hooks or replaced methods."""
    return (
        type(decoder) is LlamaModel
        and all(type(layer) is LlamaDecoderLayer for layer in decoder.layers)
        and not any(
            "forward" in vars(part) or part._forward_hooks or part._forward_pre_hooks for part in decoder.modules()
        )
    )


def read(decoder: LlamaModel, inputs: Tensor, position_ids: Tensor, reading: Attends) -> Tensor:
    """The hidden states of a line, like ``decoder(...).last_hidden_state``.

    Args:
        decoder: one that `is_plain`.
        inputs: input embeddings ``[1, N, H]``.
        position_ids: ``[1, N]``.
        reading: computes the attention.

    Returns:
        Hidden states ``[1, N, H]``.
    """
    cos, sin = decoder.rotary_emb(inputs, position_ids=position_ids)
    cos, sin = cos[0, :, None], sin[0, :, None]
    first, second = sin.chunk(2, dim=-1)
    turned = torch.cat([-first, second], dim=-1)  # signs applied here once, not in every layer
    state = inputs[0]
    count = len(state)
    layer: Any  # LlamaDecoderLayer
    for number, layer in enumerate(decoder.layers):
        attention = layer.self_attn
        width = attention.head_dim
        x = _norm(layer.input_layernorm, state)
        query = attention.q_proj(x)
        heads = query.shape[1] // width
        both = torch.cat([query, attention.k_proj(x)], dim=1).view(count, -1, width)
        half, other = both.chunk(2, dim=-1)
        both = (both * cos + torch.cat([other, half], dim=-1) * turned).transpose(0, 1)[None]
        value = attention.v_proj(x).view(1, count, -1, width).transpose(1, 2)
        seen = reading.attend(number, both[:, :heads], both[:, heads:], value, attention.scaling)
        state = state + attention.o_proj(seen.view(count, -1))
        state = state + layer.mlp(_norm(layer.post_attention_layernorm, state))
    return _norm(decoder.norm, state)[None]


def _norm(norm: LlamaRMSNorm, x: Tensor) -> Tensor:
    if x.dtype != torch.float32:
        rounded: Tensor = norm(x)  # in between
        return rounded
    return F.rms_norm(x, norm.weight.shape, norm.weight, norm.variance_epsilon)
