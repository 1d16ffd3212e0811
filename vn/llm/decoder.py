"""The narrator reading several stories at once, each a few tokens at a time, with a key-value cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vn.llm.packing import Row
from vn.llm.slots import Part, Reading, SlotCache
from vn.narrator import VideoNarrator

MOST_TOKENS = 4096  # of a pass, unless a single story wants more
FRAMES = 256  # combined at a time


@dataclass(slots=True)
class Slot:
    """A story's place in the cache.

    Attributes:
        number: of the slot.
        ids: what was read and not forgotten, in order; what was only tried is not among them.
    """

    number: int
    ids: list[int] = field(default_factory=list)

    def keep(self, count: int) -> None:
        """Forget all but the first tokens."""
        del self.ids[count:]


@dataclass(frozen=True, slots=True)
class Read:
    """Tokens to read on with; the answer is what comes next: logits ``[1, V]``.

    Attributes:
        ids: at least one.
        visual: ``[N, H]``, in place of the embeddings of the ids from `visual_at` on.
    """

    ids: Sequence[int]
    visual: Tensor | None = None
    visual_at: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """Tokens of several ways on from what was read; the answer is what comes next after each: logits ``[n, V]``.

    The tokens of all ways lie in the cache one behind the other, until something is read.

    Attributes:
        ids: of the new tokens.
        paths: for each, which tokens lead to it: indices into all tried since the last `Read`, itself included.
    """

    ids: Sequence[int]
    paths: Sequence[Sequence[int]]


Request = Read | Try


class Decoder:
    """The model, and a cache with a slot for each story.

    Args:
        narrator: in evaluation mode.

    Attributes:
        passes: of the model so far.
        tokens: read so far, tried ones included.
    """

    def __init__(self, narrator: VideoNarrator) -> None:
        self.narrator = narrator
        self.model = narrator.causal_lm
        self.device = narrator.projector.linear.weight.device
        self.cache = SlotCache()
        self.passes = 0
        self.tokens = 0
        self._nothing = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.device)

    def answer(self, asked: Sequence[tuple[Slot, Request]]) -> list[Tensor]:
        """Read what the slots ask for, in as few passes as memory allows.

        Args:
            asked: a request for each of several slots.

        Returns:
            Logits ``[1 or n, V]``, in fp32, for each request.
        """
        # Single tokens first, by slot: that is how `Reading` wants them.
        order = sorted(range(len(asked)), key=lambda i: (len(asked[i][1].ids) > 1, asked[i][0].number))
        answers: list[Tensor | None] = [None] * len(asked)
        group: list[int] = []
        size = 0
        for i in [*order, None]:
            count = len(asked[i][1].ids) if i is not None else 0
            if group and (i is None or size + count > MOST_TOKENS):
                for n, logits in zip(group, self._pass([asked[n] for n in group]), strict=True):
                    answers[n] = logits
                group, size = [], 0
            if i is not None:
                group.append(i)
                size += count
        return [logits for logits in answers if logits is not None]

    def _pass(self, asked: Sequence[tuple[Slot, Request]]) -> list[Tensor]:
        parts: list[Part] = []
        ids: list[int] = []
        places: list[int] = []
        wanted: list[int] = []
        for slot, request in asked:
            part = _part(slot, request)
            parts.append(part)
            if isinstance(request, Read):
                places += range(part.start, part.end)
                wanted.append(len(ids) + part.count - 1)
            else:
                places += [len(slot.ids) + len(path) - 1 for path in request.paths]
                wanted += range(len(ids), len(ids) + part.count)
            ids += request.ids
        inputs = self.model.get_input_embeddings()(torch.tensor([ids], device=self.device))
        at = 0
        for _, request in asked:
            if isinstance(request, Read) and request.visual is not None:
                first = at + request.visual_at
                inputs[0, first : first + len(request.visual)] = request.visual.to(inputs.dtype)
            at += len(request.ids)
        hidden = self.model.get_decoder()(
            inputs_embeds=inputs,
            attention_mask=self._nothing,  # of four dimensions: transformers leaves it alone, and `Reading` needs none
            position_ids=torch.tensor([places], device=self.device),
            reading=Reading(self.cache, parts, self.device),
            use_cache=False,
        ).last_hidden_state
        logits = self.model.get_output_embeddings()(hidden[0, torch.tensor(wanted, device=self.device)]).float()
        self.passes += 1
        self.tokens += len(ids)
        for slot, request in asked:
            if isinstance(request, Read):
                slot.ids += request.ids
        return list(logits.split([1 if isinstance(request, Read) else len(request.ids) for _, request in asked]))


def _part(slot: Slot, request: Request) -> Part:
    read, count = len(slot.ids), len(request.ids)
    if isinstance(request, Read):
        return Part(slot.number, read, count)
    tried = 1 + max(path[-1] for path in request.paths) - count
    mask = torch.zeros(count, read + tried + count, dtype=torch.bool)
    mask[:, :read] = True
    for n, path in enumerate(request.paths):
        mask[n, [read + column for column in path]] = True
    return Part(slot.number, read + tried, count, mask)


def visual_tokens(narrator: VideoNarrator, row: Row, frames: np.ndarray) -> Tensor | None:
    """The visual tokens ``[N, H]`` of a row, None where it has none; `frames` ``[F, T, D]`` as stored.

    A long video's memory is a mean of thousands of frames: they are combined a few at a time.
    """
    weights, device = row.plan.weights, narrator.projector.linear.weight.device
    if not len(weights):
        return None
    seen = torch.zeros(len(weights), *frames.shape[1:], device=device)
    used = np.flatnonzero(weights.any(axis=0))
    for start in range(0, len(used), FRAMES):
        some = used[start : start + FRAMES]
        part = torch.from_numpy(frames[some]).to(device).float()
        seen += torch.einsum("vf,ftd->vtd", torch.from_numpy(weights[:, some]).to(device), part)
    positions = torch.full((len(weights),), row.position, device=device)
    return narrator.see(seen, torch.eye(len(weights), device=device), positions)
