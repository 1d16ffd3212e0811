"""A key-value cache of slots, and attention over it.

A slot holds what one story has read, from column 0 on and without gaps, so that a position in the story is a column of
its slot: going back means forgetting the last columns, and a finished story's slot is free at once. In one pass of the
model each slot reads as many tokens as it needs, all in one line without padding; only attention separates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vn.llm.parts import computed_in

GROWTH = 256  # smallest number of columns that a cache grows by


@dataclass(frozen=True, slots=True)
class Part:
    """The tokens that one slot reads in a pass.

    Attributes:
        slot: index of the slot.
        start: column of the first token.
        count: number of tokens.
        mask: ``[count, start + count]``, which columns each token attends to; None is causal.
    """

    slot: int
    start: int
    count: int
    mask: Tensor | None = None

    @property
    def end(self) -> int:
        """The column after the last."""
        return self.start + self.count


def put(values: Sequence[object] | np.ndarray, device: torch.device) -> Tensor:
    """Numbers as a tensor on a device; to a GPU without waiting for it, which needs page-locked memory."""
    tensor = torch.tensor(values)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class SlotCache:
    """Keys and values of every layer: ``[slots, heads, columns, width]``, allocated and enlarged as needed.

    Args:
        spare: number of columns at the end of every slot that no story ever reads.

    Attributes:
        version: how often memory was allocated: what has the addresses of an earlier version must not be used again.
    """

    def __init__(self, spare: int = 0) -> None:
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}
        self.spare = spare
        self.version = 0

    @property
    def slots(self) -> int:
        """Number of slots that are allocated."""
        return next((keys.shape[0] for keys, _ in self.layers.values()), 0)

    @property
    def columns(self) -> int:
        """Number of columns that are allocated, spare ones included."""
        return next((keys.shape[2] for keys, _ in self.layers.values()), 0)

    def enlarge(self, slots: int, columns: int) -> None:
        """Make room in every layer that is known."""
        for layer, (keys, _) in list(self.layers.items()):
            self.room(layer, keys, slots, columns)

    def clear(self) -> None:
        """Forget everything, and free the memory."""
        self.layers.clear()
        self.version += 1

    def room(self, layer: int, key: Tensor, slots: int, columns: int) -> tuple[Tensor, Tensor]:
        """A layer's keys and values with at least this many slots and columns; `key` ``[1, heads, n, width]``."""
        columns += self.spare
        known = self.layers.get(layer)
        if known is not None and known[0].shape[0] >= slots and known[0].shape[2] >= columns:
            return known
        had = known[0].shape if known is not None else (0, key.shape[1], 0, key.shape[3])
        if had[2] < columns:
            columns = -(-max(columns, had[2] + had[2] // 4) // GROWTH) * GROWTH
        shape = (max(slots, had[0]), key.shape[1], max(columns, had[2]), key.shape[3])
        new = []
        for old in known or (None, None):
            # Zeros: masked entries still take part in products, and must not be NaN.
            new.append(key.new_zeros(shape))
            if old is not None:
                new[-1][: had[0], :, : had[2]] = old
        self.layers[layer] = (new[0], new[1])
        self.version += 1
        return self.layers[layer]

    @property
    def bytes(self) -> int:
        """The cache's size in bytes."""
        return sum(x.nbytes for pair in self.layers.values() for x in pair)


class Attends(Protocol):
    """Attention of a pass."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """Attention of the whole line, `Reading.attend`."""


class Reading:
    """One pass: the parts of the line, and attention within each.

    Args:
        cache: stores the new keys and values.
        parts: the parts in the line's order.
        singles: how many of the first parts are single tokens without a mask, ordered by slot: these are batched.
        device: the model's device.
    """

    def __init__(self, cache: SlotCache, parts: Sequence[Part], singles: int, device: torch.device) -> None:
        self.cache = cache
        self.parts = parts
        self.slots = 1 + max(part.slot for part in parts)
        self.columns = max(part.end for part in parts)
        alone = parts[:singles]
        self.together = singles if _near(alone) else 0
        self.masks: list[Tensor | None] = []
        if self.together:
            first = alone[0].slot
            self.rows = slice(first, alone[-1].slot + 1)
            self.gaps = self.rows.stop - first > self.together
            self.longest = max(part.end for part in alone)
            self.at = put([part.start for part in alone], device)
            self.which = put([part.slot for part in alone], device)
            last = torch.zeros(self.rows.stop - first, dtype=torch.long, device=device)  # a gap attends, too
            last[self.which - first] = self.at
            seen = torch.arange(self.longest, device=device) <= last[:, None]
            self.seen = None if all(part.end == self.longest for part in alone) else seen[:, None, None]
        for part in parts[self.together :]:
            mask = part.mask
            if mask is None and part.start and part.count > 1:
                mask = torch.ones(part.count, part.end, dtype=torch.bool).tril(part.start)
            self.masks.append(mask.to(device) if mask is not None else None)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float | None) -> Tensor:
        """Attention of the whole line.

        Args:
            layer: index of the layer.
            query: ``[1, heads, N, d]``, like `key` and `value` after RoPE, which have fewer heads if grouped.
            key: see `query`.
            value: see `query`.
            scale: factor on the scores; None is ``d ** -0.5``.

        Returns:
            ``[1, N, heads, d]``.
        """
        query, key, value = as_computed(query, key, value)
        keys, values = self.cache.room(layer, key, self.slots, self.columns)
        heads, width = key.shape[1], key.shape[3]
        grouped = query.shape[1] != heads
        done: list[Tensor] = []
        at = self.together
        if at:
            keys[self.which, :, self.at] = key[0, :, :at].transpose(0, 1)
            values[self.which, :, self.at] = value[0, :, :at].transpose(0, 1)
            # Heads that share keys take the place of tokens, so no key is repeated for them.
            q = query[0, :, :at].transpose(0, 1).reshape(at, heads, -1, width)
            k, v = keys[self.rows, :, : self.longest], values[self.rows, :, : self.longest]
            if self.gaps:
                some, q = q, q.new_zeros(len(k), *q.shape[1:])
                q[self.which - self.rows.start] = some
            mask = self.seen.expand(-1, -1, q.shape[2], -1) if self.seen is not None else None
            new = _attention(q, k, v, mask, scale=scale)
            done.append((new[self.which - self.rows.start] if self.gaps else new).reshape(at, -1, width))
        for part, mask in zip(self.parts[self.together :], self.masks, strict=True):
            end = at + part.count
            slot = slice(part.slot, part.slot + 1)
            keys[slot, :, part.start : part.end] = key[:, :, at:end]
            values[slot, :, part.start : part.end] = value[:, :, at:end]
            q, k, v = query[:, :, at:end], keys[slot, :, : part.end], values[slot, :, : part.end]
            if grouped and mask is not None and q.is_cuda:  # a mask with grouped heads rules out CUDA's fast kernels
                k, v = (x.repeat_interleave(query.shape[1] // heads, dim=1) for x in (k, v))
            causal = mask is None and part.count > 1
            shared = q.shape[1] != k.shape[1]
            new = _attention(q, k, v, mask, causal, scale, shared)
            done.append(new[0].transpose(0, 1))
            at = end
        return torch.cat(done)[None]


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    causal: bool = False,
    scale: float | None = None,
    shared: bool = False,
) -> Tensor:
    """Attention by PyTorch.

    For a single query in half precision its kernel for CPUs takes three times as long as for two, and longer than in
    float32 (findings/torch-one-query-in-bfloat16.sh), so it is computed in float32.
    """
    dtype = query.dtype
    if query.shape[2] == 1 and dtype in (torch.bfloat16, torch.float16) and query.device.type == "cpu":
        query, key, value = query.float(), key.float(), value.float()
    attended = F.scaled_dot_product_attention(query, key, value, mask, is_causal=causal, scale=scale, enable_gqa=shared)
    return attended.to(dtype)


def as_computed(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """All in the type that attention computes in, and the cache is kept in.

    Under autocast RoPE makes queries and keys float32, while values are in half precision.
    """
    dtype = computed_in(value)
    return query.to(dtype), key.to(dtype), value.to(dtype)


def _near(singles: Sequence[Part]) -> bool:
    """Whether there are several, and they fill most of the slots that they span."""
    return len(singles) > 1 and singles[-1].slot - singles[0].slot < 2 * len(singles)
