"""How a released checkpoint changed the embeddings: rows that it trained, and rows of tokens that it added."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vn.errors import Findings, InputError, show
from vn.tokenizer.added import FIELD, add_tokens

if TYPE_CHECKING:
    from vn.adapter import Assembly
    from vn.released.checkpoint import ReleasedCheckpoint


def take_embeddings(assembly: Assembly, released: ReleasedCheckpoint, file: Path, findings: Findings) -> bool:
    """Take over the embeddings of a checkpoint: trained rows, and those of added tokens that the template uses.

    Args:
        assembly: the narrator whose base model gets them.
        released: the checkpoint.
        file: file of the checkpoint; named in messages.
        findings: takes which rows of added tokens are kept and which are left out.

    Returns:
        Whether the base model was changed.

    Raises:
        InputError: they have fewer rows than the vocabulary or another width, or a row that the template needs is
            missing.
    """
    llm = assembly.narrator.causal_lm
    weights = {"embed_tokens": llm.get_input_embeddings().weight, "lm_head": llm.get_output_embeddings().weight}
    for name, tensor in released.embeddings.items():
        own = weights[name]
        if tensor.ndim != 2 or tensor.shape[1] != own.shape[1] or len(tensor) < len(own):
            message = f"has {list(tensor.shape)}, the base model {list(own.shape)}"
            raise InputError(message, file=file, field=name)
    rows = len(weights["embed_tokens"])
    kept = _kept(assembly, released, rows, file)
    _tell(released, rows, kept, file, findings)
    changed = False
    for name, tensor in released.embeddings.items():
        if changed_rows(tensor, weights[name]):
            changed = True
            with torch.no_grad():
                weights[name].copy_(tensor[:rows])
    if kept:
        _keep(assembly, released, kept)
    return changed or bool(kept)


def _kept(assembly: Assembly, released: ReleasedCheckpoint, rows: int, file: Path) -> dict[str, int]:
    """Rows of the added tokens that the template uses, in their order."""
    added = sorted(released.added.items(), key=lambda item: item[1])
    kept = {token: row for token, row in added if row >= rows and assembly.template.writes(token)}
    there = len(released.embeddings.get("embed_tokens", ()))
    for token, row in kept.items():
        if row >= there:
            message = f"the template writes {show(token)}, whose row {row} is not in the checkpoint"
            raise InputError(message, file=file, field="embed_tokens")
    return kept


def _tell(released: ReleasedCheckpoint, rows: int, kept: dict[str, int], file: Path, findings: Findings) -> None:
    names = {row: token for token, row in released.added.items()}
    most = max(map(len, released.embeddings.values()), default=0)
    dropped = [row for row in range(rows, most) if names.get(row) not in kept]
    if kept:
        tokens = ", ".join(f"{token} (row {row})" for token, row in kept.items())
        findings.add(f"rows of added tokens that the template writes are kept: {tokens}", file=file)
    if dropped:
        few = ", ".join(f"{names[row]} (row {row})" if row in names else f"row {row}" for row in dropped[:10])
        more = f" and {len(dropped) - 10} more" if len(dropped) > 10 else ""
        unnamed = any(row not in names for row in dropped)
        hint = "; --added-tokens names them" if unnamed else ""
        message = f"rows of added tokens are left out, since the template does not write them: {few}{more}{hint}"
        findings.add(message, file=file)


def _keep(assembly: Assembly, released: ReleasedCheckpoint, kept: dict[str, int]) -> None:
    """Give the base model a row, and its tokenizer an id, for each token that is kept."""
    llm = assembly.narrator.causal_lm
    ids = add_tokens(assembly.base.tokenizer, list(kept))
    size = max(len(llm.get_input_embeddings().weight), max(ids.values()) + 1)
    llm.resize_token_embeddings(size, mean_resizing=False)
    layers = {"embed_tokens": llm.get_input_embeddings(), "lm_head": llm.get_output_embeddings()}
    with torch.no_grad():
        for name, layer in layers.items():
            tensor = released.embeddings.get(name)
            if tensor is None and layer.weight is layers["embed_tokens"].weight:
                continue  # a tied head shares the embeddings' rows
            for token, row in kept.items():
                # A head that was not trained never predicts the token.
                layer.weight[ids[token]] = tensor[row] if tensor is not None and row < len(tensor) else 0
    setattr(llm.config, FIELD, ids)
    assembly.base = dataclasses.replace(assembly.base, added=ids)


def changed_rows(released: Tensor, base: Tensor) -> int:
    """How many of the base model's rows a resized embedding changed by more than half precision rounds.

    Args:
        released: ``[rows, H]``; rows after the base model's are those of added tokens.
        base: ``[V, H]``.
    """
    off = (released[: len(base)].float() - base.float()).abs().amax(dim=1)
    return int((off > 1e-3 * base.float().abs().amax().clamp_min(torch.finfo(torch.float32).tiny)).sum())
