"""Weights of a model folder as transformers and the hub lay them out: one file or shards, safetensors or ``.bin``."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vn.errors import InputError
from vn.io.files import read_json

NAMES = ("model.safetensors", "pytorch_model.bin")


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a model folder. They are memory-mapped: memory is used only for what is computed with them.

    Args:
        folder: a folder with ``model.safetensors`` or ``pytorch_model.bin``, or either with an index of shards.

    Raises:
        InputError: there are no weights, a shard is missing or damaged, or a ``.bin`` holds more than tensors.
    """
    for name in NAMES:
        index = folder / f"{name}.index.json"
        if index.exists():
            table = read_json(index)
            shards = table.get("weight_map") if isinstance(table, dict) else None
            if not isinstance(shards, dict) or not all(isinstance(x, str) for x in shards.values()):
                raise InputError("expected names and their files", file=index, field="weight_map")
            tensors: dict[str, Tensor] = {}
            for file in sorted(set(shards.values())):
                tensors |= read_tensors(folder / Path(file).name)
            missing = sorted(set(shards) - set(tensors))
            if missing:
                raise InputError(f"{len(missing)} tensors are in no shard, the first is {missing[0]}", file=index)
            return tensors
        if (folder / name).exists():
            return read_tensors(folder / name)
    raise InputError(f"no weights: neither {NAMES[0]} nor {NAMES[1]}, whole or in shards", file=folder)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of one file; a ``.bin`` is read as data (``weights_only``), never run.

    Raises:
        InputError: it is missing, damaged, or holds anything other than tensors by name.
    """
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        try:
            tensors = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError:  # files of the oldest layout cannot be mapped
            tensors = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=file) from None
    except SafetensorError as error:
        raise InputError(f"damaged: {error}", file=file) from None
    except Exception as error:  # pickles may raise any
        text = str(error)
        why = "holds more than tensors, and is not run" if "weights_only" in text or "Unsupported" in text else text
        if "TorchScript" in text:  # as OpenAI's CLIP files
            why = "a TorchScript program is not run; take the same weights as safetensors or as a transformers folder"
        raise InputError(f"cannot be read as weights: {why}", file=file) from None
    for inside in ("model", "state_dict"):  # LAVIS' name, and that of many others
        if isinstance(tensors, dict) and isinstance(tensors.get(inside), dict):
            tensors = tensors[inside]
    if not isinstance(tensors, dict) or not all(isinstance(x, Tensor) for x in tensors.values()):
        raise InputError("expected tensors by name", file=file)
    return {str(name): tensor for name, tensor in tensors.items()}
