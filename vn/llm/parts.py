"""Attention over trees part by part with SDPA: the reference that runs on every device, in every type.

Only allowed pairs are computed, while a mask over the whole line would also compute, and then discard, all pairs of
branches and videos. The price is one call per part.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vn.llm.trees import Tree

ALIGNMENT = 16  # CUDA's memory-efficient kernel copies a mask whose rows do not begin at multiples of this


def computed_in(value: Tensor) -> torch.dtype:
    """The type to compute attention in: autocast's, or the values' (RoPE's results are float32 under autocast)."""
    kind = value.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else value.dtype


class Parts:
    """The trees that fill a line, for all layers of a step.

    Args:
        trees: the trees.
    """

    def __init__(self, trees: Sequence[Tree]) -> None:
        self.trees = trees
        self._masks: list[Tensor] = []  # one per branch, made in the first layer

    def attend(self, query: Tensor, key: Tensor, value: Tensor, dropout: float, scale: float | None) -> Tensor:
        """Attention of the whole line (`vn.llm.trees.Kernel`)."""
        dtype = computed_in(value)
        if value.is_cuda:  # a launch each: once, rather than by autocast part by part
            query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
        masks = iter(self.masks(dtype, value.device))
        grouped = query.shape[1] != key.shape[1]

        def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
            repeat = grouped and mask is not None and q.is_cuda  # masks and grouped heads rule out CUDA's fast kernels
            if repeat:
                k, v = (x.repeat_interleave(query.shape[1] // key.shape[1], dim=1) for x in (k, v))
            return F.scaled_dot_product_attention(
                q, k, v, mask, dropout, is_causal=mask is None, scale=scale, enable_gqa=grouped and not repeat
            )

        # Split, not sliced: the gradient of a slice is as long as the line, and there would be one per branch.
        lengths = [part.end - part.start for tree in self.trees for part in tree.parts]
        parts = zip(*(x.split(lengths, dim=2) for x in (query, key, value)), strict=True)
        done = []
        for tree in self.trees:
            q, trunk_keys, trunk_values = next(parts)
            done.append(attend(q, trunk_keys, trunk_values, None))
            for branch in tree.branches:
                q, k, v = next(parts)
                shared = branch.seen - tree.start
                keys = torch.cat([trunk_keys[:, :, :shared], k], dim=2)
                values = torch.cat([trunk_values[:, :, :shared], v], dim=2)
                done.append(attend(q, keys, values, next(masks)))
        return torch.cat(done, dim=2).transpose(1, 2)

    def masks(self, dtype: torch.dtype, device: torch.device) -> list[Tensor]:
        """Additive masks ``[1, 1, C, S + C]``, one per branch of C tokens that sees S of its trunk.

        Made once for all layers: SDPA would make a boolean mask additive, and on CUDA copy it to where its rows are
        aligned, in each branch of each layer.
        """
        if not self._masks or self._masks[0].dtype != dtype:
            self._masks = [
                _mask(branch.end - branch.start, branch.seen - tree.start, dtype, device)
                for tree in self.trees
                for branch in tree.branches
            ]
        return self._masks


def _mask(own: int, seen: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """An additive mask for `own` tokens after `seen` that all of them attend to; rows are aligned in memory."""
    width = -(-(seen + own) // ALIGNMENT) * ALIGNMENT
    full = torch.full((1, 1, own, width), -torch.inf, dtype=dtype, device=device)
    return full.triu(seen + 1)[..., : seen + own]
