"""The authors' checkpoint layout, read as data.

adapter_config.json, adapter_model.bin | .safetensors     PEFT's LoRA; on Baichuan, on the fused W_pack
non_lora_trainables.bin     under prefixes such as base_model.model.model. :
    mm_projector                   linear, features to the language model's width
    frame_position_embedding       [100, D], one row per per cent of the video
    embed_tokens, lm_head          resized for added tokens, if they were
added_tokens.json           the texts of those tokens and their rows, if it is there
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from vn.errors import InputError
from vn.io.files import read_json
from vn.io.weights import read_tensors
from vn.llm.lora_files import CONFIG, PREFIX, read_lora
from vn.settings import LoraSettings

POSITIONS = 100


@dataclass(frozen=True, slots=True)
class ReleasedCheckpoint:
    """What a released checkpoint trained.

    Attributes:
        lora: rank, alpha, dropout and layers, by LLaMA's names; rank 0 if there is none.
        adapters: LoRA's matrices by layer (``layers.0.self_attn.q_proj``) and side (``A`` or ``B``).
        projector: ``weight`` ``[H, D]`` and ``bias`` ``[H]``, the bias times how often the release adds it.
        position: ``[100, D]``; None if there is none.
        embeddings: ``embed_tokens`` and ``lm_head`` ``[rows, H]``, if the checkpoint has them.
        added: rows of tokens that were added to the tokenizer, by their texts.
    """

    lora: LoraSettings
    adapters: dict[tuple[str, str], Tensor]
    projector: dict[str, Tensor]
    position: Tensor | None
    embeddings: dict[str, Tensor]
    added: dict[str, int]


def read_checkpoint(folder: Path) -> ReleasedCheckpoint:
    """Read a checkpoint folder.

    Raises:
        InputError: naming the file and what is missing, damaged, of another shape or unknown in it.
    """
    file = folder / "non_lora_trainables.bin"
    projector: dict[str, Tensor] = {}
    embeddings: dict[str, Tensor] = {}
    position = None
    for full, tensor in read_tensors(file).items():
        name = PREFIX.sub("", full)
        if name in ("mm_projector.weight", "mm_projector.bias"):
            projector[name.rpartition(".")[2]] = tensor.float()
        elif name in ("frame_position_embedding", "frame_position_embedding.weight"):
            position = tensor.float().reshape(-1, tensor.shape[-1])
        elif name.startswith(("embed_tokens", "lm_head")) and name.endswith("weight"):
            embeddings[name.partition(".")[0]] = tensor
        else:
            raise InputError("is not a known part of the released layout", file=file, field=full)
    missing = [name for name in ("weight", "bias") if name not in projector]
    if missing:
        raise InputError("missing", file=file, field=f"mm_projector.{missing[0]}")
    if projector["weight"].ndim != 2 or projector["bias"].shape != projector["weight"].shape[:1]:
        shapes = [list(projector[name].shape) for name in ("weight", "bias")]
        raise InputError(f"expected a linear layer, found {shapes[0]} and {shapes[1]}", file=file, field="mm_projector")
    if position is not None:
        if list(position.shape) != [POSITIONS, projector["weight"].shape[1]]:
            message = f"expected {[POSITIONS, projector['weight'].shape[1]]}, found {list(position.shape)}"
            raise InputError(message, file=file, field="frame_position_embedding")
        # The release projects features and position separately and adds the two, so the sum has the bias twice.
        projector["bias"] = 2 * projector["bias"]
    lora, adapters = _read_lora(folder)
    return ReleasedCheckpoint(lora, adapters, projector, position, embeddings, _read_added(folder))


def name_rows(released: ReleasedCheckpoint, tokens: Sequence[str], rows: int) -> ReleasedCheckpoint:
    """The checkpoint with texts for its added rows.

    Args:
        released: the checkpoint, whose own texts are replaced.
        tokens: added tokens of the rows after the base model's, in order.
        rows: number of rows of the base model.

    Raises:
        InputError: there are more or fewer rows than tokens.
    """
    there = len(released.embeddings.get("embed_tokens", ())) - rows
    if len(tokens) != max(0, there) or len(set(tokens)) < len(tokens) or not all(tokens):
        message = f"expected a text for each of the {max(0, there)} rows of added tokens, got {len(set(tokens) - {''})}"
        raise InputError(message, field="--added-tokens")
    return replace(released, added={token: rows + n for n, token in enumerate(tokens)})


def _read_added(folder: Path) -> dict[str, int]:
    """The added tokens from either file in which transformers stores them; empty if there is none."""
    file = folder / "added_tokens.json"
    rows: list[tuple[Any, Any]]
    if file.exists():
        given = read_json(file)
        rows = list(given.items()) if isinstance(given, dict) else [("", None)]
    elif (file := folder / "tokenizer_config.json").exists():
        settings = read_json(file)
        given = settings.get("added_tokens_decoder") if isinstance(settings, dict) else None
        entries = given.items() if isinstance(given, dict) else []
        rows = [(x.get("content") if isinstance(x, dict) else x, int(i) if i.isdecimal() else None) for i, x in entries]
    else:
        return {}
    for name, row in rows:
        # A bool is an int in Python.
        if not isinstance(name, str) or not name or type(row) is not int or not 0 <= row < 2**31:
            raise InputError("expected added tokens and their ids", file=file)
    return dict(rows)


def _read_lora(folder: Path) -> tuple[LoraSettings, dict[tuple[str, str], Tensor]]:
    lora = read_lora(folder)
    if lora is None:
        return LoraSettings(rank=0), {}
    if lora.alpha != int(lora.alpha):
        raise InputError(f"expected a whole number, found {lora.alpha}", file=folder / CONFIG, field="lora_alpha")
    adapters: dict[tuple[str, str], Tensor] = {}
    for (layer, side), tensor in lora.matrices.items():
        adapters |= _unfused(layer, side, tensor, lora.file)
    layers = sorted({layer.rpartition(".")[2] for layer, _ in adapters})
    return LoraSettings(lora.rank, int(lora.alpha), lora.dropout, layers), adapters


def _unfused(layer: str, side: str, tensor: Tensor, file: Path) -> dict[tuple[str, str], Tensor]:
    """LoRA on Baichuan's W_pack as LoRA on queries, keys and values: one A for all three, B split by rows."""
    if not layer.endswith("W_pack"):
        return {(layer, side): tensor}
    if side == "B" and len(tensor) % 3:
        raise InputError(f"expected a multiple of 3 rows, found {len(tensor)}", file=file, field=layer)
    parts = (tensor, tensor, tensor) if side == "A" else tensor.chunk(3)
    names = [layer.replace("W_pack", f"{x}_proj") for x in "qkv"]
    return {(name, side): part.contiguous() for name, part in zip(names, parts, strict=True)}
