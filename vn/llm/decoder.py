"""The narrator reading rows side by side, a few tokens at a time, with a key-value cache."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, RepetitionPenaltyLogitsProcessor

from vn.llm.batch import collate
from vn.llm.packing import Row
from vn.narrator import VideoNarrator


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that a `Decoder` can go back to: columns of the cache, tokens of each row, and what comes next."""

    columns: int
    lengths: list[int]
    logits: Tensor | None


class Decoder:
    """The model reading rows side by side: a key-value cache, and the logits of what comes next in each.

    The prompts of a video's clips begin alike (`Row.own`). That trunk stays in the cache: the next clip's prompt only
    adds the text of the clip before, and its own part, which is forgotten again when the next one is opened.

    What is appended is padded on the left, so that all rows always end together; padding is masked, and positions
    count real tokens only.

    Args:
        narrator: in evaluation mode.
        frame_tokens: T.
        pad: an id for padding.

    Attributes:
        logits: ``[rows, vocabulary]`` of each row's next token.
        ids: all ids of each row, prompts included.
        trunks_read: how many trunks were read from their beginning.
    """

    logits: Tensor
    mask: Tensor
    cache: DynamicCache

    def __init__(self, narrator: VideoNarrator, frame_tokens: int, pad: int) -> None:
        self.narrator = narrator
        self.model = narrator.causal_lm
        self.device = narrator.projector.linear.weight.device
        self.frame_tokens = frame_tokens
        self.pad = pad
        self.ids: list[list[int]] = []
        self.trunks_read = 0
        self._trunk: Mark | None = None

    def open(self, rows: Sequence[Row], frames: Sequence[np.ndarray]) -> None:
        """Read prompts: their trunks as far as they are not in the cache already, then their own parts.

        Args:
            rows: the prompts; from the second time on, of the same videos in the same order.
            frames: ``[F, T, D]`` of each row's video.
        """
        if self._trunk is not None:
            self.rewind(self._trunk)
        if self._trunk is None or any(row.ids[: len(ids)] != ids for row, ids in zip(rows, self.ids, strict=True)):
            self.cache, self.ids = DynamicCache(), [[] for _ in rows]
            self.mask = torch.zeros(len(rows), 0, dtype=torch.long, device=self.device)
            self.trunks_read += len(rows)
        text, text_mask = self._padded([row.ids[len(ids) : row.own] for row, ids in zip(rows, self.ids, strict=True)])
        # The own parts alone: an empty text before them moves no place.
        own = [replace(row, ids=row.ids[row.own :], own=0, visual=row.visual - row.own, supervised=[]) for row in rows]
        batch = collate(list(enumerate(own)), frames, self.frame_tokens, self.pad, pad_left=True).to(self.device)
        visual = self.narrator.see(batch.frames, batch.weights, batch.positions)
        inputs = torch.cat(
            [
                self.model.get_input_embeddings()(text),
                self.narrator.embed(batch.ids, visual, batch.visual_places),
            ],
            dim=1,
        )
        columns = self.mask.shape[1] + text.shape[1]
        self.mask = torch.cat([self.mask, text_mask, batch.mask], dim=1)
        self._forward(inputs.shape[1], inputs_embeds=inputs)
        self.ids = [list(row.ids) for row in rows]
        self._trunk = Mark(columns, [row.own for row in rows], None)

    def read(self, ids: list[list[int]]) -> None:
        """Append tokens to each row; none is a row that has ended."""
        tokens, mask = self._padded(ids)
        self.mask = torch.cat([self.mask, mask], dim=1)
        self._forward(tokens.shape[1], input_ids=tokens)
        for row, new in zip(self.ids, ids, strict=True):
            row += new

    def mark(self) -> Mark:
        """Where reading stands."""
        return Mark(self.mask.shape[1], [len(row) for row in self.ids], self.logits)

    def rewind(self, mark: Mark) -> None:
        """Forget everything after a mark."""
        extra = self.mask.shape[1] - mark.columns
        if extra:
            self.cache.crop(-extra)
            self.mask = self.mask[:, : mark.columns]
            self.ids = [row[:length] for row, length in zip(self.ids, mark.lengths, strict=True)]
        if mark.logits is not None:
            self.logits = mark.logits

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order; one may stand in it several times."""
        if list(rows) == list(range(len(self.ids))):
            return
        chosen = torch.tensor(rows, dtype=torch.long, device=self.device)
        self.cache.batch_select_indices(chosen)
        self.mask, self.logits = self.mask[chosen], self.logits[chosen]
        self.ids = [list(self.ids[row]) for row in rows]
        if self._trunk is not None:
            self._trunk = replace(self._trunk, lengths=[self._trunk.lengths[row] for row in rows])

    def fork(self, rows: Sequence[int]) -> Decoder:
        """Another decoder that goes on with these rows; this one stays where it is."""
        other = copy.copy(self)
        other.cache = DynamicCache()
        layers: list[Any] = self.cache.layers
        for n, layer in enumerate(layers):
            other.cache.update(layer.keys, layer.values, n)
        other.ids = [list(row) for row in self.ids]
        other.select(rows)
        return other

    def penalised(self, penalty: float) -> Tensor:
        """The logits after a repetition penalty over all ids of each row (transformers'); 1 is none."""
        logits = self.logits.float()
        if penalty == 1.0:
            return logits
        penalise = RepetitionPenaltyLogitsProcessor(penalty)
        rows = [torch.tensor([ids], device=logits.device) for ids in self.ids]
        return torch.cat([penalise(ids, logits[i : i + 1]) for i, ids in enumerate(rows)])

    def _padded(self, ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Tokens padded on the left, and their mask: ``[rows, longest]``."""
        length = max(map(len, ids))
        tokens = torch.full((len(ids), length), self.pad)
        mask = torch.zeros(len(ids), length, dtype=torch.long)
        for n, new in enumerate(ids):
            if new:
                tokens[n, length - len(new) :] = torch.tensor(new)
                mask[n, length - len(new) :] = 1
        return tokens.to(self.device), mask.to(self.device)

    def _forward(self, width: int, **inputs: Tensor) -> None:
        positions = (self.mask.cumsum(dim=1) - 1).clamp_min(0)[:, -width:]
        output = self.model(
            **inputs,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.logits = output.logits[:, -1]
