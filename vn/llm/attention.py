"""Attention over lines in which rows of a video share their beginning (`vn.llm.batch`), without a mask of the line.

The trunk attends causally; then each branch attends to its part of the trunk and to itself. So what is computed is what
is seen, while a mask over the whole line would compute, and forbid, all pairs of branches too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

TREE = "vn_tree"
"""The name under which transformers knows this attention."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A clip's own part of a line: places `start` to `end`, which see the first `seen` places and themselves."""

    start: int
    end: int
    seen: int


@dataclass(frozen=True, slots=True)
class Tree:
    """The parts of one line: the trunk's length, and the branches behind it."""

    trunk: int
    branches: tuple[Branch, ...]


def tree_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    trees: Sequence[Tree] | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention ``[B, heads, L, d]`` to ``[B, L, heads, d]``, as transformers' attention interface asks for it.

    Args:
        module: the attention layer.
        query: as are `key` and `value`, after RoPE.
        attention_mask: used without trees only.
        dropout: share of attention dropped in training.
        scaling: of the scores.
        trees: of each line; None is ordinary attention, in generation for one.
    """
    if trees is None:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
    grouped = query.shape[1] != key.shape[1]

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        return F.scaled_dot_product_attention(
            q, k, v, mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=grouped
        )

    lines = []
    for b, tree in enumerate(trees):
        q, k, v = query[b : b + 1], key[b : b + 1], value[b : b + 1]
        trunk = slice(tree.trunk)
        parts = [attend(q[:, :, trunk], k[:, :, trunk], v[:, :, trunk], None)]
        for branch in tree.branches:
            own = slice(branch.start, branch.end)
            keys, values = (torch.cat([x[:, :, : branch.seen], x[:, :, own]], dim=2) for x in (k, v))
            count = branch.end - branch.start
            mask = torch.ones(count, branch.seen + count, dtype=torch.bool, device=q.device).tril(branch.seen)
            parts.append(attend(q[:, :, own], keys, values, mask))
        padding = q.shape[2] - (tree.branches[-1].end if tree.branches else tree.trunk)
        if padding:
            parts.append(v.new_zeros(1, q.shape[1], padding, v.shape[3]))  # nobody sees it
        lines.append(torch.cat(parts, dim=2))
    return torch.cat(lines).transpose(1, 2), None


AttentionInterface.register(TREE, tree_attention)
AttentionMaskInterface.register(TREE, sdpa_mask)  # without it, masks of padding would be dropped silently
