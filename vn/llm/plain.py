"""A base model with its LoRA merged, for writing alone, without transformers and PEFT if nothing of theirs is needed.

Importing the two takes longer than narrating a short video. What they do for a LLaMA in a folder and an ordinary LoRA
is little: read the weights, add the products, tokenise with the library ``tokenizers``. That little is here, with the
same arithmetic, so that logits are the same to the bit.

Everything that a file may ask for is either known here and computed as they do, or unknown, and then `load_plain` gives
None and they load the model. So a setting that a later version of theirs adds is never ignored. A damaged file is
unknown too: so its error comes from one program, not from two.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vn.errors import InputError
from vn.io.files import read_json
from vn.io.weights import NAMES, read_weights
from vn.llm.base import BaseModel, find_base, fingerprint
from vn.llm.llama import Llama, LlamaShape, inverse_frequencies
from vn.llm.loaders import loader_of
from vn.llm.lora_files import CONFIG, WEIGHTS, Lora, read_lora
from vn.tokenizer.fast import NotCovered, read_fast

logger = logging.getLogger(__name__)

FLOATS = (torch.float32, torch.float16, torch.bfloat16)
COUNTS = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
ROPE = {
    "default": (),
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
}
# Of a config.json: of no effect on logits of the given type of weights, without training, by token embeddings.
HARMLESS = (
    *("_name_or_path", "attention_dropout", "bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "dtype"),
    *("torch_dtype", "initializer_range", "max_position_embeddings", "pretraining_tp", "transformers_version"),
    *("use_cache", "_model_name_or_path", "is_llama_config", "transformers.js_config", "_attn_implementation_autoset"),
)
OLD = ".rotary_emb.inv_freq"  # a tensor of older checkpoints that follows from the configuration
# Of an adapter_config.json: of no effect on a merged LoRA, or read here. Every other key must be off.
LORA_READ = ("r", "lora_alpha", "target_modules", "peft_type")
LORA_HARMLESS = (
    *("auto_mapping", "base_model_name_or_path", "inference_mode", "lora_dropout", "peft_version", "revision"),
    *("megatron_core", "qalora_group_size", "ensure_weight_tying"),
)
LORA_ONE_OF: dict[str, tuple[Any, ...]] = {
    "bias": ("none",),
    "task_type": ("CAUSAL_LM", None),
    "init_lora_weights": (True, False, "gaussian"),  # others change the base model
}


def load_plain(name: str, dtype: str, adapter: Path | None = None) -> BaseModel | None:
    """A base model for writing, with the LoRA of an adapter folder merged in.

    Args:
        name: as for `vn.llm.load.load_base`.
        dtype: data type of the weights.
        adapter: folder with a LoRA; None for the base model alone.

    Returns:
        None if transformers and PEFT are to load it: not a LLaMA in a folder, or it asks for more than is known here.

    Raises:
        InputError: there is nothing at this name.
    """
    if loader_of(name) is not None:
        return None
    folder = Path(find_base(name))
    try:
        if not folder.is_dir():
            raise NotCovered("a model of the hub")
        shape = read_shape(folder / "config.json")
        frequencies = inverse_frequencies(shape)
        tokenizer = read_fast(folder)
        weights = _weights(folder, shape, getattr(torch, dtype))
        if adapter is not None:
            weights = _merged(weights, *_lora(adapter, shape))
    except NotCovered as why:
        logger.debug("%s is loaded by transformers: %s", name, why)
        return None
    return BaseModel(name, str(folder), fingerprint(str(folder)), Llama(shape, weights, frequencies).eval(), tokenizer)


def read_shape(file: Path) -> LlamaShape:
    """The configuration of a model folder.

    Raises:
        NotCovered: it is not a LLaMA's, is damaged, or has a setting that is unknown here.
    """
    config = _mapping(file)
    if config.pop("model_type", None) != "llama":
        raise NotCovered("another architecture")
    if config.pop("architectures", None) not in (None, ["LlamaForCausalLM"]):
        raise NotCovered("another kind of model")
    if config.pop("hidden_act", "silu") != "silu":
        raise NotCovered("another activation")
    values: dict[str, Any] = {each: config.pop(each, None) for each in COUNTS}
    heads, hidden = values["num_attention_heads"], values["hidden_size"]
    keys, width = config.pop("num_key_value_heads", None), config.pop("head_dim", None)
    values["num_key_value_heads"] = heads if keys is None else keys
    if not all(type(value) is int and value > 0 for value in values.values()) or hidden % heads:
        raise NotCovered(f"{file.name}: sizes")
    values["head_dim"] = hidden // heads if width is None else width
    if type(values["head_dim"]) is not int or values["head_dim"] % 2 or heads % values["num_key_value_heads"]:
        raise NotCovered(f"{file.name}: heads")
    values["rms_norm_eps"] = config.pop("rms_norm_eps", 1e-6)
    for flag in ("attention_bias", "mlp_bias", "tie_word_embeddings"):
        values[flag] = config.pop(flag, False)
        if type(values[flag]) is not bool:
            raise NotCovered(f"{file.name}: {flag}")
    values["rope"] = _rope(config)
    if unknown := [each for each, value in config.items() if each not in HARMLESS and value not in (None, False)]:
        raise NotCovered(f"{file.name}: {unknown[0]}")
    if not isinstance(values["rms_norm_eps"], float):
        raise NotCovered(f"{file.name}: rms_norm_eps")
    return LlamaShape(**values)


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """RoPE's parameters, taken out of a configuration in the form of today or of transformers 4."""
    now, before = config.pop("rope_parameters", None), config.pop("rope_scaling", None)
    theta = config.pop("rope_theta", 10_000.0)
    if now and before:
        raise NotCovered("RoPE's parameters twice")
    rope = now or before or {}
    if not isinstance(rope, dict):
        raise NotCovered("RoPE's parameters")
    old = rope.get("type", "default")
    rope = {"rope_theta": theta, "rope_type": old, **{k: v for k, v in rope.items() if k != "type"}}
    kind = rope["rope_type"]
    if kind == "llama3":
        rope.setdefault("original_max_position_embeddings", config.get("max_position_embeddings"))
    if not isinstance(kind, str) or kind not in ROPE or set(rope) != {"rope_theta", "rope_type", *ROPE[kind]}:
        raise NotCovered(f"RoPE of the type {kind!r} with {sorted(rope)}")
    if not all(type(value) in (int, float) and value > 0 for each, value in rope.items() if each != "rope_type"):
        raise NotCovered("RoPE's parameters")
    return rope


def _weights(folder: Path, shape: LlamaShape, dtype: torch.dtype) -> dict[str, Tensor]:
    """All weights by name, memory-mapped unless their type has to change."""
    if (folder / CONFIG).exists():
        raise NotCovered("an adapter inside the base model's folder")
    if [(folder / f"{NAMES[0]}{end}").exists() for end in ("", ".index.json")].count(True) != 1:
        raise NotCovered("weights that are not one set of safetensors")
    tensors = _read(read_weights, folder)
    shapes = shape.weights()
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(OLD)}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != shapes or any(tensor.dtype not in FLOATS for tensor in tensors.values()):
        raise NotCovered("weights of other names, shapes or types")
    return {name: tensor.to(dtype) for name, tensor in tensors.items()}


def _lora(folder: Path, shape: LlamaShape) -> tuple[Lora, set[str]]:
    """The LoRA of an adapter folder, and the layers that it is for."""
    config = _mapping(folder / CONFIG)
    for name, value in config.items():
        allowed = LORA_ONE_OF.get(name)
        if allowed is not None and value not in allowed:
            raise NotCovered(f"{CONFIG}: {name}")
        if allowed is None and name not in (*LORA_READ, *LORA_HARMLESS) and value not in (None, False, {}, [], ""):
            raise NotCovered(f"{CONFIG}: {name}")
    targets = config.get("target_modules")
    if config.get("peft_type") != "LORA" or not isinstance(targets, list) or not (folder / WEIGHTS[0]).exists():
        raise NotCovered("LoRA with targets by a pattern, or in a pickle")
    linear = shape.linear()
    layers: set[str] = set()
    for target in targets:
        of_target = {name for name in linear if name == target or name.endswith(f".{target}")}
        if not of_target:
            raise NotCovered(f"LoRA on {target!r}")
        layers |= of_target
    lora = _read(read_lora, folder)
    if lora is None or {(layer, side) for layer in layers for side in "AB"} != {
        (_full(layer), side) for layer, side in lora.matrices
    }:
        raise NotCovered("LoRA on other layers than its configuration names")
    for (layer, side), matrix in lora.matrices.items():
        outputs, inputs, _ = linear[_full(layer)]
        if tuple(matrix.shape) != ((lora.rank, inputs) if side == "A" else (outputs, lora.rank)):
            raise NotCovered("LoRA of another shape")
    return lora, layers


def _full(layer: str) -> str:
    """A layer's name in the model, from that of `vn.llm.lora_files`."""
    return layer if layer == "lm_head" else f"model.{layer}"


def _merged(weights: dict[str, Tensor], lora: Lora, layers: set[str]) -> dict[str, Tensor]:
    """The weights with a LoRA added, as PEFT adds it: ``W + (B A) alpha / r``, the product in fp32, rounded once."""
    merged = dict(weights)
    for layer in layers:
        short = layer.removeprefix("model.")
        # A tied head gets a weight of its own: the embedding stays as it is.
        weight = weights.get(f"{layer}.weight", weights["model.embed_tokens.weight"])
        # Copied, since mapped tensors begin anywhere in memory, and a product may depend on that in its last bits.
        first, second = (lora.matrices[short, side].clone() for side in "AB")
        update = (second @ first) * (lora.alpha / lora.rank)
        merged[f"{layer}.weight"] = (weight + update).to(weight.dtype)
    return merged


def _mapping(file: Path) -> dict[str, Any]:
    data = _read(read_json, file)
    if not isinstance(data, dict):
        raise NotCovered(f"{file.name} is not a mapping")
    return dict(data)


def _read(read: Any, place: Path) -> Any:
    """What a reader reads; a file that is missing or damaged is not covered."""
    try:
        return read(place)
    except (InputError, OSError) as error:
        raise NotCovered(str(error)) from None
