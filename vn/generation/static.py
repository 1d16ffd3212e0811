"""Passes in which every story reads one token, two thirds of all: nothing in them depends on the host's numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from vn.generation.graphs import Graphs
from vn.llm.slots import Attends, SlotCache, put
from vn.llm.static_slots import StaticReading, rounded_columns, rounded_slots

Logits = Callable[[Tensor, Tensor, Attends], Tensor]
"""Logits ``[N, V]`` after ids ``[1, N]`` at positions ``[1, N]``."""


class StaticPass:
    """Reads a token of each story.

    Slots and columns are rounded up, so that a few shapes do; on CUDA each is captured as a graph.

    Args:
        cache: the stories' cache, with a spare column.
        logits: the model.
        device: the model's device.
    """

    def __init__(self, cache: SlotCache, logits: Logits, device: torch.device) -> None:
        self.cache = cache
        self.graphs = Graphs(device) if device.type == "cuda" else None
        self._logits = logits
        self._device = device
        self._inputs = torch.zeros(3, 0, dtype=torch.long, device=device)  # id, position, column of each slot
        self._version = cache.version

    def read(self, asked: Mapping[int, tuple[int, int]]) -> Tensor:
        """Read tokens.

        Args:
            asked: by slot, its next token and the position of it.

        Returns:
            Logits ``[n, V]`` in fp32, in the order of `asked`.
        """
        most = 1 + max(asked)
        longest = 1 + max(position for _, position in asked.values())
        self.cache.enlarge(most, longest)
        slots, columns = rounded_slots(most), rounded_columns(longest)
        if self.cache.layers:  # rounding up must not enlarge it
            slots, columns = min(slots, self.cache.slots), min(columns, self.cache.columns)
        if self._inputs.shape[1] < slots:
            self._inputs = self._inputs.new_zeros(3, slots)
            self.clear()
        if self.cache.version != self._version:
            self.clear()
        unused = 0, 0, self.cache.columns - 1
        filled = [(*asked[n], asked[n][1]) if n in asked else unused for n in range(slots)]
        self._inputs[:, :slots].copy_(put(filled, self._device).T, non_blocking=True)
        if self.graphs is None:
            logits = self._compute(slots, columns)
        else:
            logits = self.graphs.run((slots, columns), lambda: self._compute(slots, columns))
        if list(asked) == list(range(slots)):
            return logits
        return logits[put(list(asked), self._device)]

    def clear(self) -> None:
        """Forget graphs: they have addresses of memory that was freed."""
        self._version = self.cache.version
        if self.graphs is not None:
            self.graphs.clear()

    def _compute(self, slots: int, columns: int) -> Tensor:
        ids, positions, at = self._inputs[:, :slots]
        reading = StaticReading(self.cache, slots, columns, positions, at)
        return self._logits(ids[None], positions[None], reading)
