"""Attention over a line in which rows of a video share their beginning (`vn.llm.packing`).

    trunk of video 1: its longest row | branch | branch | trunk of video 2 | branch | ...

A trunk attends causally; a branch attends to the beginning of its trunk and causally to itself; no video attends to
another. With plain SDPA, only these allowed pairs are computed, part by part, while a mask over the whole line would
also compute, and then discard, all pairs of branches and videos. FlexAttention gets the same rule as a mask function,
and skips what is masked, block by block, in a single kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from vn.errors import InputError
from vn.llm.slots import Reading

TREE = "vn_tree"
"""The name under which transformers knows this attention."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A clip's own part of a line, indices `start` to `end`: it attends to its trunk up to `seen`, and to itself."""

    start: int
    end: int
    seen: int


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows of a video in a line: the longest, from `start` to `end`, directly followed by the branches."""

    start: int
    end: int
    branches: tuple[Branch, ...] = ()

    @property
    def parts(self) -> tuple[Branch, ...]:
        """All parts of the tree in the line's order; the trunk is a branch that attends only to itself."""
        return (Branch(self.start, self.end, self.start), *self.branches)


def branch_mask(trees: Sequence[Tree], device: torch.device | str) -> Tensor:
    """A mask ``[1, 1, C, S + C]`` for the longest branch after the longest beginning: the others use a slice of it.

    Made once for all layers. With four dimensions it passes through transformers unchanged, while a mask ``[B, L]``
    would become one of all pairs of the line, and no mask at all a wrong one: transformers would interpret the
    position ids as those of packed documents.
    """
    longest = max((b.end - b.start for tree in trees for b in tree.branches), default=0)
    seen = max((b.seen - tree.start for tree in trees for b in tree.branches), default=0)
    return torch.ones(1, 1, longest, seen + longest, dtype=torch.bool, device=device).tril(seen)


def flex_mask(trees: Sequence[Tree], device: torch.device | str) -> BlockMask:
    """The same for FlexAttention: q attends to k <= q in its own part, and in its trunk up to its branch's limit.

    Raises:
        InputError: gradients are needed on the CPU, where FlexAttention has no backward pass.
    """
    device = torch.device(device)
    if device.type == "cpu" and torch.is_grad_enabled():
        raise InputError("flex trains on CUDA only; use sdpa", field="model.attention")
    part, root, seen = [], [], []  # per index: where its part begins, its trunk begins, and what it sees of that ends
    for tree in trees:
        for each in tree.parts:
            count = each.end - each.start
            part += [each.start] * count
            root += [tree.start] * count
            seen += [each.seen] * count
    parts, roots, limits = torch.tensor([part, root, seen], device=device)

    def sees(batch: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
        visible: Tensor = (k <= q) & ((k >= parts[q]) | ((k >= roots[q]) & (k < limits[q])))
        return visible

    # When compiled, the mask of the whole line is never materialised.
    return create_block_mask(sees, 1, None, len(part), len(part), device, _compile=device.type == "cuda")


@cache
def _compiled_flex() -> Any:
    return torch.compile(flex_attention)


# The parameters up to `scaling` are those of transformers' attention functions; `trees` and `reading` are ours, passed
# as keyword arguments through the model's forward (tests/test_signatures.py has the exception).
def tree_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | BlockMask | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    trees: Sequence[Tree] | None = None,
    reading: Reading | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention ``[B, heads, L, d]`` to ``[B, L, heads, d]``, as transformers' attention interface requires.

    Args:
        module: the attention layer.
        query: queries after RoPE, ``[B, heads, L, d]``.
        key: keys after RoPE, with fewer heads if they are grouped.
        value: values, of the keys' shape.
        attention_mask: with trees, their `branch_mask` or `flex_mask`, which chooses the kernel.
        dropout: dropout probability of attention weights in training.
        scaling: factor on the scores.
        trees: the trees that fill the one line (B = 1); None is ordinary attention.
        reading: a pass over slots of a cache (`vn.llm.slots`), which then decides alone what is attended to.
        others: further arguments of transformers' own attention.
    """
    if reading is not None:
        layer: Any = module.layer_idx
        return reading.attend(layer, query, key, value, scaling), None
    if trees is None:
        assert not isinstance(attention_mask, BlockMask)
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
    grouped = query.shape[1] != key.shape[1]
    if isinstance(attention_mask, BlockMask):
        if dropout:
            raise InputError("flex has no attention dropout, which the base model uses", field="model.attention")
        attend_all = _compiled_flex() if query.is_cuda else flex_attention
        query, key = query.to(value.dtype), key.to(value.dtype)  # autocast leaves RoPE's results in float32
        seen = attend_all(query, key, value, block_mask=attention_mask, scale=scaling, enable_gqa=grouped)
        return seen.transpose(1, 2), None
    assert attention_mask is not None
    corner = attention_mask
    behind = corner.shape[3] - corner.shape[2]

    def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        repeat = grouped and mask is not None and q.is_cuda  # a mask with grouped heads rules out CUDA's fast kernels
        if repeat:
            k, v = (x.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for x in (k, v))
        return F.scaled_dot_product_attention(
            q, k, v, mask, dropout, is_causal=mask is None, scale=scaling, enable_gqa=grouped and not repeat
        )

    # Split, not sliced: the gradient of a slice is as long as the line, and there would be one per branch.
    lengths = [part.end - part.start for tree in trees for part in tree.parts]
    parts = zip(*(x.split(lengths, dim=2) for x in (query, key, value)), strict=True)
    done = []
    for tree in trees:
        q, trunk_keys, trunk_values = next(parts)
        done.append(attend(q, trunk_keys, trunk_values, None))
        for branch in tree.branches:
            q, k, v = next(parts)
            own, shared = branch.end - branch.start, branch.seen - tree.start
            keys = torch.cat([trunk_keys[:, :, :shared], k], dim=2)
            values = torch.cat([trunk_values[:, :, :shared], v], dim=2)
            done.append(attend(q, keys, values, corner[:, :, :own, behind - shared : behind + own]))
    return torch.cat(done, dim=2).transpose(1, 2), None


def check_window(config: PreTrainedConfig, longest: int) -> None:
    """Refuse a model whose attention window is shorter than a row may be.

    Raises:
        InputError: the window is too short; names the setting that makes rows so long.
    """
    text = config.get_text_config()
    window = min(
        (w for n in ("sliding_window", "attention_chunk_size") if (w := getattr(text, n, None))), default=longest
    )
    if window < longest:
        raise InputError(
            f"the base model attends to {window} tokens back, fewer than the {longest} that a prompt may have",
            field="model.max_length",
        )


AttentionInterface.register(TREE, tree_attention)
AttentionMaskInterface.register(TREE, sdpa_mask)  # without it, padding masks would be dropped silently
