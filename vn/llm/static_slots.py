"""Attention of a pass in which every slot reads one token at most, with shapes and addresses that never change.

What differs from pass to pass is in tensors of the device: token, position and column of every slot. So a CUDA graph
of the pass can be replayed (`vn.generation.graphs`), while attention by parts (`vn.llm.slots`) has them in its shapes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vn.llm.slots import GROWTH, SlotCache, as_computed


def rounded_slots(count: int) -> int:
    """The next power of two."""
    return 1 << (count - 1).bit_length()


def rounded_columns(count: int) -> int:
    """A number of columns at most a quarter larger, or 256 more: few sizes are enough for all stories."""
    step = max(GROWTH, 1 << max(0, count.bit_length() - 3))
    return -(-count // step) * step


class StaticReading:
    """Attention of one such pass.

    A slot that reads nothing goes along: it sees its first column, and writes to the cache's spare one.

    Args:
        cache: stores the new keys and values; it has a spare column.
        slots: number of slots that take part, from the first on.
        columns: number of columns that are attended to.
        positions: ``[slots]`` position of each slot's token; it sees the columns up to it.
        at: ``[slots]`` the column to write each token to.
    """

    def __init__(self, cache: SlotCache, slots: int, columns: int, positions: Tensor, at: Tensor) -> None:
        self.cache = cache
        self.slots = slots
        self.columns = columns
        self.at = at
        self.which = torch.arange(slots, device=at.device)
        self.hidden = torch.arange(columns, device=at.device) > positions[:, None]
        self._mask: Tensor | None = None

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """Attention of all slots' tokens.

        Args:
            layer: index of the layer.
            query: ``[1, heads, slots, d]``, like `key` and `value` after RoPE, which have fewer heads if grouped.
            key: see `query`.
            value: see `query`.
            scale: factor on the scores; None is ``d ** -0.5``.

        Returns:
            ``[1, slots, heads, d]``.
        """
        query, key, value = as_computed(query, key, value)
        keys, values = self.cache.room(layer, key, self.slots, self.columns - self.cache.spare)
        heads, width = key.shape[1], key.shape[3]
        keys[self.which, :, self.at] = key[0].transpose(0, 1)
        values[self.which, :, self.at] = value[0].transpose(0, 1)
        # Heads that share keys take the place of tokens, so no key is repeated for them.
        q = query[0].transpose(0, 1).reshape(self.slots, heads, -1, width)
        k, v = keys[: self.slots, :, : self.columns], values[: self.slots, :, : self.columns]
        if self._mask is None:  # additive, once for all layers: of a bool mask SDPA would make one in each
            mask = torch.zeros(self.slots, 1, 1, self.columns, dtype=q.dtype, device=q.device)
            self._mask = mask.masked_fill(self.hidden[:, None, None], -torch.inf)
        seen = F.scaled_dot_product_attention(q, k, v, self._mask.expand(-1, -1, q.shape[2], -1), scale=scale)
        return seen.reshape(1, self.slots, -1, width)
