"""LoRA as PEFT stores it (``adapter_config.json``, ``adapter_model.*``), read as data, and several as one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vn.errors import InputError, show
from vn.io.files import read_json
from vn.io.weights import read_tensors

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
PREFIX = re.compile(r"^(?:module\.|base_model\.|model\.)+")
NAME = re.compile(r"(?P<layer>.+)\.lora_(?P<side>[AB])(?:\.default)?\.weight")
# Supported only when off.
PLAIN = ("bias", "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "layer_replication", "fan_in_fan_out")

Matrices = Mapping[tuple[str, str], Tensor]


@dataclass(frozen=True, slots=True)
class Lora:
    """The update ``alpha / rank * B A`` of each of some linear layers.

    Attributes:
        rank: r.
        alpha: the update is scaled by alpha / rank.
        dropout: dropout rate that it was trained with.
        matrices: by layer (``layers.0.self_attn.q_proj``) and side: ``A`` ``[r, in]``, ``B`` ``[out, r]``, float32.
        file: file of the matrices, for errors.
    """

    rank: int
    alpha: float
    dropout: float
    matrices: Matrices
    file: Path

    @property
    def layers(self) -> list[str]:
        """The layers that have an update."""
        return sorted({layer for layer, _ in self.matrices})


def read_lora(folder: Path) -> Lora | None:
    """The LoRA of a folder; None if it has no ``adapter_config.json``.

    Raises:
        InputError: naming the file and what is missing, damaged, of another shape or not supported in it.
    """
    config_file = folder / CONFIG
    if not config_file.exists():
        return None
    config = read_json(config_file)
    if not isinstance(config, dict) or config.get("peft_type", "LORA") != "LORA":
        raise InputError("expected the settings of a LoRA", file=config_file)
    for name in PLAIN:
        if config.get(name) not in (None, False, "none", {}, []):
            raise InputError(f"{show(config[name])} is not supported", file=config_file, field=name)
    rank, alpha, dropout = (config.get(name) for name in ("r", "lora_alpha", "lora_dropout"))
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        message = f"expected a rank and an alpha, found {show(rank)}, {show(alpha)}"
        raise InputError(message, file=config_file, field="r")
    file = next((x for x in (folder / name for name in WEIGHTS) if x.exists()), folder / WEIGHTS[1])
    matrices: dict[tuple[str, str], Tensor] = {}
    for full, tensor in read_tensors(file).items():
        match = NAME.fullmatch(PREFIX.sub("", full))
        if match is None:
            raise InputError("is not a LoRA matrix", file=file, field=full)
        inner = tensor.shape[0 if match["side"] == "A" else -1] if tensor.ndim == 2 else None
        if inner != rank:
            message = f"expected a matrix of the rank {rank} that {CONFIG} gives, found {list(tensor.shape)}"
            raise InputError(message, file=file, field=full)
        matrices[match["layer"], match["side"]] = tensor.float()
    for layer, side in matrices:
        if (layer, "B" if side == "A" else "A") not in matrices:
            raise InputError(f"has lora_{side} alone", file=file, field=layer)
    return Lora(rank, alpha, float(dropout or 0.0), matrices, file)


def compose(loras: Sequence[Lora]) -> Lora:
    """One LoRA for several that were trained one after the other, each over a model with those before merged in.

    The sum of their updates is one of the summed rank: ``[s1 B1, s2 B2] [A1; A2]`` with each scale in its B. If a layer
    has no update in one of them, that one's part of A is random and of B zero, as in a LoRA before training.

    Raises:
        InputError: two of them are for layers of different shapes.
    """
    layers = sorted({layer for lora in loras for layer in lora.layers})
    random = torch.Generator().manual_seed(0)
    matrices: dict[tuple[str, str], Tensor] = {}
    for layer in layers:
        shapes = [
            (each.matrices[layer, "B"].shape[0], each.matrices[layer, "A"].shape[1], each.file)
            for each in loras
            if (layer, "A") in each.matrices
        ]
        rows, columns, first = shapes[0]
        for rows2, columns2, file in shapes[1:]:
            if (rows, columns) != (rows2, columns2):
                message = f"is for a layer of {rows2} x {columns2}, that of {first} for one of {rows} x {columns}"
                raise InputError(message, file=file, field=layer)
        parts = []
        for each in loras:
            if (layer, "A") in each.matrices:
                parts.append((each.matrices[layer, "A"], each.matrices[layer, "B"] * (each.alpha / each.rank)))
            else:
                fresh = torch.randn(each.rank, columns, generator=random) / columns**0.5
                parts.append((fresh, torch.zeros(rows, each.rank)))
        matrices[layer, "A"] = torch.cat([a for a, _ in parts])
        matrices[layer, "B"] = torch.cat([b for _, b in parts], dim=1)
    rank = sum(each.rank for each in loras)
    return replace(loras[-1], rank=rank, alpha=rank, matrices=matrices)
