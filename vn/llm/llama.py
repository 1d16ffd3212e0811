"""LLaMA's layers without the overhead of transformers: one arithmetic, over its modules or over plain ones of ours.

A pass that reads one token of each story is short, and what transformers does around its matrix products (masks, hooks,
passing arguments, norms and RoPE in many small steps) took longer than the products of a small model. So generation
reads a line by `read`, which needs no more of a decoder than its weights by the names of transformers' parts.

Modules of transformers have them, if a user, training or export needs such a model. `Llama` has them too, without
importing transformers, which takes longer than narrating a short video (`vn.llm.plain` decides when it is enough). The
weights, and the arithmetic in fp32, are the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vn.llm.norms import FusedRMSNorm
from vn.llm.slots import Attends

if TYPE_CHECKING:
    from transformers.models.llama.modeling_llama import LlamaModel


@dataclass(frozen=True, slots=True)
class LlamaShape:
    """What the weights do not say, and what other code reads of a configuration; names are those of transformers.

    Attributes:
        vocab_size: rows of the embedding and of the head.
        hidden_size: H.
        intermediate_size: width of the layers' inner products.
        num_hidden_layers: number of layers.
        num_attention_heads: query heads.
        num_key_value_heads: key heads, each shared by several query heads.
        head_dim: d of a head.
        rms_norm_eps: epsilon of the norms.
        attention_bias: whether the products around attention have a bias.
        mlp_bias: whether the inner products have one.
        tie_word_embeddings: whether the head's weight is the embedding's.
        rope: RoPE's parameters: ``rope_theta``, ``rope_type`` (`inverse_frequencies`), and those of the type.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    attention_bias: bool
    mlp_bias: bool
    tie_word_embeddings: bool
    rope: Mapping[str, Any]

    def get_text_config(self) -> LlamaShape:
        """This one: the model has no other parts than text's."""
        return self

    def linear(self) -> dict[str, tuple[int, int, bool]]:
        """The linear layers by name: outputs, inputs, whether there is a bias."""
        hidden, inner = self.hidden_size, self.intermediate_size
        queries, keys = (n * self.head_dim for n in (self.num_attention_heads, self.num_key_value_heads))
        one = {
            "self_attn.q_proj": (queries, hidden, self.attention_bias),
            "self_attn.k_proj": (keys, hidden, self.attention_bias),
            "self_attn.v_proj": (keys, hidden, self.attention_bias),
            "self_attn.o_proj": (hidden, queries, self.attention_bias),
            "mlp.gate_proj": (inner, hidden, self.mlp_bias),
            "mlp.up_proj": (inner, hidden, self.mlp_bias),
            "mlp.down_proj": (hidden, inner, self.mlp_bias),
        }
        layers = range(self.num_hidden_layers)
        every = {f"model.layers.{n}.{name}": each for n in layers for name, each in one.items()}
        return {**every, "lm_head": (self.vocab_size, hidden, False)}

    def weights(self) -> dict[str, tuple[int, ...]]:
        """The shape of every weight by its name in a model folder; a tied head has none."""
        shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (self.vocab_size, self.hidden_size)}
        for name, (outputs, inputs, bias) in self.linear().items():
            shapes[f"{name}.weight"] = (outputs, inputs)
            if bias:
                shapes[f"{name}.bias"] = (outputs,)
        if self.tie_word_embeddings:
            del shapes["lm_head.weight"]
        norms = [f"model.layers.{n}.{name}" for n in range(self.num_hidden_layers) for name in _NORMS]
        return {**shapes, **{f"{name}.weight": (self.hidden_size,) for name in [*norms, "model.norm"]}}


_NORMS = ("input_layernorm", "post_attention_layernorm")
Weights = Mapping[str, Tensor]


def inverse_frequencies(shape: LlamaShape) -> Tensor:
    """RoPE's inverse frequencies ``[d / 2]`` in fp32, with transformers' arithmetic.

    The types ``default``, ``linear`` and ``llama3`` are known, which are functions of the configuration alone.
    """
    rope, width = shape.rope, shape.head_dim
    plain: Tensor = 1.0 / (rope["rope_theta"] ** (torch.arange(0, width, 2, dtype=torch.float) / width))
    if rope["rope_type"] == "default":
        return plain
    if rope["rope_type"] == "linear":
        linear: Tensor = plain / rope["factor"]
        return linear
    assert rope["rope_type"] == "llama3"
    length, factor = rope["original_max_position_embeddings"], rope["factor"]
    slow, fast = rope["low_freq_factor"], rope["high_freq_factor"]
    waves = 2 * math.pi / plain
    scaled = torch.where(waves > length / slow, plain / factor, plain)
    smooth = (length / waves - slow) / (fast - slow)
    between = ~(waves < length / fast) * ~(waves > length / slow)
    return torch.where(between, (1 - smooth) * scaled / factor + smooth * scaled, scaled)


class Linear(nn.Module):
    """A linear layer with given weights.

    Args:
        weight: ``[outputs, inputs]``; a parameter stays the same one, so that it may be another layer's too.
        bias: ``[outputs]``, or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.weight = _parameter(weight)
        self.bias = None if bias is None else _parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., inputs]`` to ``[..., outputs]``."""
        return F.linear(x, self.weight, self.bias)


def _parameter(tensor: Tensor) -> nn.Parameter:
    return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor, requires_grad=False)


class Embedding(nn.Module):
    """Embeddings of ids.

    Args:
        weight: ``[V, H]``.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = _parameter(weight)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids ``[...]`` to embeddings ``[..., H]``."""
        return F.embedding(ids, self.weight)


class Rotary(nn.Module):
    """RoPE's cosines and sines.

    Args:
        frequencies: inverse frequencies ``[d / 2]``.
    """

    inv_freq: Tensor

    def __init__(self, frequencies: Tensor) -> None:
        super().__init__()
        self.register_buffer("inv_freq", frequencies, persistent=False)

    def forward(self, inputs: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines ``[1, N, d]`` of positions ``[1, N]``, in the type of `inputs`."""
        half = position_ids[..., None].float() * self.inv_freq
        angles = torch.cat([half, half], dim=-1)
        return angles.cos().to(inputs.dtype), angles.sin().to(inputs.dtype)


class _Attention(nn.Module):
    def __init__(self, shape: LlamaShape, weights: Weights, name: str) -> None:
        super().__init__()
        self.head_dim = shape.head_dim
        self.scaling = shape.head_dim**-0.5
        for part in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, part, _linear(weights, f"{name}.{part}"))


class _Inner(nn.Module):
    def __init__(self, weights: Weights, name: str) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (
            _linear(weights, f"{name}.{part}") for part in ("gate_proj", "up_proj", "down_proj")
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class _Layer(nn.Module):
    def __init__(self, shape: LlamaShape, weights: Weights, name: str) -> None:
        super().__init__()
        self.self_attn = _Attention(shape, weights, f"{name}.self_attn")
        self.mlp = _Inner(weights, f"{name}.mlp")
        for norm in _NORMS:
            setattr(self, norm, FusedRMSNorm(_parameter(weights[f"{name}.{norm}.weight"]), shape.rms_norm_eps))


def _linear(weights: Weights, name: str) -> Linear:
    return Linear(weights[f"{name}.weight"], weights.get(f"{name}.bias"))


class Decoder(nn.Module):
    """The layers; `read` reads a line."""

    def __init__(self, shape: LlamaShape, weights: Weights, frequencies: Tensor) -> None:
        super().__init__()
        self.embed_tokens = Embedding(weights["model.embed_tokens.weight"])
        names = (f"model.layers.{number}" for number in range(shape.num_hidden_layers))
        self.layers = nn.ModuleList([_Layer(shape, weights, name) for name in names])
        self.norm = FusedRMSNorm(_parameter(weights["model.norm.weight"]), shape.rms_norm_eps)
        self.rotary_emb = Rotary(frequencies)


class Llama(nn.Module):
    """A causal language model of the LLaMA family for inference, with the names and weights of transformers' own.

    It is read by `read` alone (`vn.generation.decoder`): it has no forward pass over a batch.

    Args:
        shape: the configuration.
        weights: all weights by name (`LlamaShape.weights`), LoRA merged; they are not copied.
        frequencies: RoPE's inverse frequencies ``[d / 2]``.
    """

    def __init__(self, shape: LlamaShape, weights: Weights, frequencies: Tensor) -> None:
        super().__init__()
        self.config = shape
        self.model = Decoder(shape, weights, frequencies)
        self.lm_head = Linear(weights.get("lm_head.weight", self.model.embed_tokens.weight))

    def get_input_embeddings(self) -> Embedding:
        """The embeddings of ids."""
        return self.model.embed_tokens

    def get_decoder(self) -> Decoder:
        """The layers."""
        return self.model

    def get_output_embeddings(self) -> Linear:
        """The head: hidden states to logits."""
        return self.lm_head


def is_plain(decoder: nn.Module) -> bool:
    """Whether a decoder is LLaMA's own, or ours, without hooks or replaced methods."""
    if type(decoder) is not Decoder:
        from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaModel

        if type(decoder) is not LlamaModel or any(type(layer) is not LlamaDecoderLayer for layer in decoder.layers):
            return False
    return not any(
        "forward" in vars(part) or part._forward_hooks or part._forward_pre_hooks for part in decoder.modules()
    )


def read(decoder: LlamaModel | Decoder, inputs: Tensor, position_ids: Tensor, reading: Attends) -> Tensor:
    """The hidden states of a line, like ``decoder(...).last_hidden_state`` of transformers.

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


def _norm(norm: Any, x: Tensor) -> Tensor:
    if x.dtype != torch.float32:
        rounded: Tensor = norm(x)  # in between
        return rounded
    return F.rms_norm(x, norm.weight.shape, norm.weight, norm.variance_epsilon)
