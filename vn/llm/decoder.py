"""The narrator reading rows side by side, a few tokens at a time, with a key-value cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, RepetitionPenaltyLogitsProcessor

from vn.llm.batch import collate
from vn.llm.packing import Row
from vn.narrator import VideoNarrator


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that a `Decoder` can go back to."""

    mask: Tensor
    logits: Tensor
    lengths: list[int]


class Decoder:
    """The model reading rows side by side: a key-value cache, and the logits of what comes next in each.

    What is appended is padded on the left as the prompts are, so that all rows always end together; padding is
    masked, and positions count real tokens only.

    Args:
        narrator: in evaluation mode.
        rows: the prompts.
        frames: ``[F, T, D]`` of each row's video.
        frame_tokens: T.
        pad: an id for padding.

    Attributes:
        logits: ``[rows, vocabulary]`` of each row's next token.
        ids: all ids of each row, prompts included.
    """

    def __init__(
        self, narrator: VideoNarrator, rows: list[Row], frames: list[np.ndarray], frame_tokens: int, pad: int
    ) -> None:
        self.model = narrator.causal_lm
        self.device = narrator.projector.linear.weight.device
        self.pad = pad
        self.ids = [list(row.ids) for row in rows]
        self.cache = DynamicCache()
        self.logits: Tensor
        batch = collate(list(enumerate(rows)), frames, frame_tokens, pad, pad_left=True).to(self.device)
        self.mask = batch.mask
        visual = narrator.see(batch.frames, batch.weights, batch.positions)
        self._forward(batch.mask, inputs_embeds=narrator.embed(batch.ids, visual, batch.visual_places))

    def read(self, ids: list[list[int]]) -> None:
        """Append tokens to each row; none is a row that has ended."""
        length = max(map(len, ids))
        padded = [[self.pad] * (length - len(new)) + new for new in ids]
        real = [[0] * (length - len(new)) + [1] * len(new) for new in ids]
        for row, new in zip(self.ids, ids, strict=True):
            row += new
        chunk = torch.tensor(real, device=self.device)
        self.mask = torch.cat([self.mask, chunk], dim=1)
        self._forward(chunk, input_ids=torch.tensor(padded, device=self.device))

    def mark(self) -> Mark:
        """Where reading stands."""
        return Mark(self.mask, self.logits, [len(row) for row in self.ids])

    def rewind(self, mark: Mark) -> None:
        """Forget everything after a mark."""
        extra = self.mask.shape[1] - mark.mask.shape[1]
        if extra:
            self.cache.crop(-extra)
            self.mask, self.logits = mark.mask, mark.logits
            self.ids = [row[:length] for row, length in zip(self.ids, mark.lengths, strict=True)]

    def select(self, rows: Sequence[int]) -> None:
        """Go on with these rows, in this order; one may stand in it several times."""
        chosen = torch.tensor(rows, device=self.device)
        self.cache.batch_select_indices(chosen)
        self.mask, self.logits = self.mask[chosen], self.logits[chosen]
        self.ids = [list(self.ids[row]) for row in rows]

    def penalised(self, penalty: float) -> Tensor:
        """The logits after a repetition penalty over all ids of each row (transformers'); 1 is none."""
        logits = self.logits.float()
        if penalty == 1.0:
            return logits
        penalise = RepetitionPenaltyLogitsProcessor(penalty)
        rows = [torch.tensor([ids], device=logits.device) for ids in self.ids]
        return torch.cat([penalise(ids, logits[i : i + 1]) for i, ids in enumerate(rows)])

    def _forward(self, chunk: Tensor, **inputs: Tensor) -> None:
        positions = (self.mask.cumsum(dim=1) - 1).clamp_min(0)[:, -chunk.shape[1] :]
        output = self.model(
            **inputs,
            attention_mask=self.mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self.logits = output.logits[:, -1]
