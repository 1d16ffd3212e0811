"""Attention over trees in one call of FlexAttention, which skips blocks of pairs that nobody attends to (CUDA).

Which blocks of 128 x 128 pairs are empty, partly or wholly allowed is counted in the loader's workers, from the one or
two intervals that each token attends to: `create_block_mask` would evaluate every pair. A `BlockMask` holds a function
and does not pickle, so workers send its tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vn.llm.parts import computed_in
from vn.llm.trees import Tree

if TYPE_CHECKING:  # its import takes as long as half of torch's, and few use it
    from torch.nn.attention.flex_attention import BlockMask

BLOCK = 128  # tokens; FlexAttention's default


@dataclass(frozen=True, slots=True)
class Blocks:
    """The trees of a line as blocks of pairs, under the names of `BlockMask`; ``N = ceil(L / 128)`` blocks of tokens.

    Attributes:
        limits: ``[3, L]`` int32: where each token's part and trunk begin, and up to where it sees the trunk.
        kv_num_blocks: ``[1, 1, N]`` int32, per block of queries: the number of blocks of keys that are partly allowed.
        kv_indices: ``[1, 1, N, N]`` int32, which those are; the others follow them.
        full_kv_num_blocks: the same for blocks that are wholly allowed.
        full_kv_indices: likewise.
        q_num_blocks: the same with queries and keys exchanged, for the backward pass.
        q_indices: likewise.
        full_q_num_blocks: likewise.
        full_q_indices: likewise.
    """

    limits: Tensor
    kv_num_blocks: Tensor
    kv_indices: Tensor
    full_kv_num_blocks: Tensor
    full_kv_indices: Tensor
    q_num_blocks: Tensor
    q_indices: Tensor
    full_q_num_blocks: Tensor
    full_q_indices: Tensor

    @classmethod
    def of(cls, trees: Sequence[Tree]) -> Blocks:
        """The same on the CPU, from the trees that fill a line."""
        parts = [(part, tree.start) for tree in trees for part in tree.parts]
        counts = [part.end - part.start for part, _ in parts]
        limits = np.repeat([(part.start, root, part.seen) for part, root in parts], counts, axis=0).T
        length = limits.shape[1]
        edges = np.arange(0, length + BLOCK, BLOCK)  # where blocks begin; the last: where they end
        start, root, seen = (each[:, None] for each in limits)
        after = np.arange(length)[:, None] + 1
        allowed = np.diff(np.clip(edges, root, seen)) + np.diff(np.clip(edges, start, after))  # per token and block
        pairs = np.add.reduceat(allowed, edges[:-1], axis=0)
        whole = pairs == BLOCK * BLOCK
        some = (pairs > 0) & ~whole
        tables = (*_listed(some), *_listed(whole), *_listed(some.T), *_listed(whole.T))
        return cls(torch.from_numpy(np.ascontiguousarray(limits, dtype=np.int32)), *tables)

    def mask(self) -> BlockMask:
        """What FlexAttention is called with, on the device of the tensors."""
        from torch.nn.attention.flex_attention import BlockMask

        parts, roots, seen = self.limits
        length = len(parts)

        def sees(batch: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
            visible: Tensor = (k <= q) & ((k >= parts[q]) | ((k >= roots[q]) & (k < seen[q])))
            return visible

        tables = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "limits"}
        return BlockMask(seq_lengths=(length, length), **tables, BLOCK_SIZE=(BLOCK, BLOCK), mask_mod=sees)


def _listed(table: np.ndarray) -> tuple[Tensor, Tensor]:
    """Per row of a boolean table ``[N, N]``: how many are true, and the indices of all columns, true ones first."""
    counts = table.sum(axis=1, dtype=np.int32)
    indices = np.argsort(~table, axis=1, kind="stable").astype(np.int32)
    return torch.from_numpy(counts[None, None]), torch.from_numpy(indices[None, None])


class Flex:
    """FlexAttention over the blocks of a line, for all layers of a step.

    Args:
        blocks: the blocks, on the device.
    """

    def __init__(self, blocks: Blocks) -> None:
        self.mask = blocks.mask()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: float, scale: float | None) -> Tensor:
        """Attention of the whole line (`vn.llm.trees.Kernel`); without dropout."""
        from torch.nn.attention.flex_attention import flex_attention

        assert not dropout
        call = _compiled() if query.is_cuda else flex_attention
        dtype = computed_in(value)
        q, k, v = (x.to(dtype) for x in (query, key, value))
        out: Tensor = call(q, k, v, block_mask=self.mask, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
        return out.transpose(1, 2)


@cache
def _compiled() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    # With dynamic shapes from the start: lines differ in length, and each would be compiled on its own.
    return torch.compile(flex_attention, dynamic=True)
