"""Attention over trees in one call of torch's variable-length attention, over gathered keys (CUDA).

    queries   | trunk | branch 1 | branch 2 |            one sequence per part, end to end
    keys      | trunk | trunk up to its clip · branch 1 | trunk up to its clip · branch 2 |

The keys of each part are gathered, the beginning of its trunk and its own, so that all parts of all videos are the
sequences of a single call, in which a query at the end of its sequence attends to all keys, and one before it to one
key fewer. Parts are never merged by their log-sum-exp: no gradient flows through that of torch's fused kernels.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vn.llm.parts import computed_in
from vn.llm.trees import Tree

WIDEST = 256  # the widest head of FlashAttention
MULTIPLE = 8  # and what its width must be a multiple of


@dataclass(frozen=True, slots=True)
class Gathered:
    """The trees of a line as sequences.

    Attributes:
        keys: ``[G]`` index in the line of each gathered key.
        query_ends: ``[parts + 1]`` int32, 0 and where each part ends in the line.
        key_ends: ``[parts + 1]`` int32, 0 and where the keys of each part end among the gathered.
        most_queries: tokens of the longest part.
        most_keys: number of keys of the part that has the most.
    """

    keys: Tensor
    query_ends: Tensor
    key_ends: Tensor
    most_queries: int
    most_keys: int

    @classmethod
    def of(cls, trees: Sequence[Tree]) -> Gathered:
        """The same on the CPU, from the trees that fill a line."""
        spans, queries, keys = [], [], []
        for tree in trees:
            for part in tree.parts:
                spans += [np.arange(tree.start, part.seen), np.arange(part.start, part.end)]
                queries.append(part.end - part.start)
                keys.append(part.seen - tree.start + queries[-1])
        return cls(torch.from_numpy(np.concatenate(spans)), _ends(queries), _ends(keys), max(queries), max(keys))

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: float, scale: float | None) -> Tensor:
        """Attention of the whole line (`vn.llm.trees.Kernel`); without dropout, in half precision."""
        assert not dropout
        dtype = computed_in(value)
        q, k, v = (x.transpose(1, 2).squeeze(0).to(dtype) for x in (query, key, value))  # [L, heads, d]
        k, v = k.index_select(0, self.keys), v.index_select(0, self.keys)
        call, groups = _call()
        options: dict[str, Any] = {}
        if q.shape[1] != k.shape[1]:
            if groups:
                options = {"enable_gqa": True}
            else:
                k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
        ends = (self.query_ends, self.key_ends, self.most_queries, self.most_keys)
        out: Tensor = call(q, k, v, *ends, scale=scale, window_size=(-1, 0), **options)
        return out.unsqueeze(0)


def _ends(counts: list[int]) -> Tensor:
    return torch.from_numpy(np.cumsum([0, *counts]).astype(np.int32))


@cache
def _call() -> tuple[Callable[..., Any], bool]:
    """torch's function, and whether it takes keys with fewer heads (torch 2.11 does not, 2.14 does).

    Raises:
        ImportError: this torch has no such function, or one that cannot be causal.
    """
    from torch.nn.attention.varlen import varlen_attn

    known = inspect.signature(varlen_attn).parameters
    if not {"scale", "window_size"} <= known.keys():
        raise ImportError(f"torch {torch.__version__} has an older varlen_attn")
    return varlen_attn, "enable_gqa" in known
