"""The narrator reads several stories at once, each a few tokens at a time, with a key-value cache."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from vn.generation.likely import Likely
from vn.generation.static import StaticPass
from vn.llm import llama
from vn.llm.rows import Row
from vn.llm.slots import Attends, Part, Reading, SlotCache, put
from vn.narrator import VideoNarrator

T = TypeVar("T")

MOST_TOKENS = 4096  # per pass, unless a single story needs more
FRAMES = 256  # combined at a time


@dataclass(slots=True)
class Slot:
    """A story's place in the cache.

    Attributes:
        number: the slot's index.
        ids: what was read and not forgotten, in order, without tokens that were only tried.
    """

    number: int
    ids: list[int] = field(default_factory=list)

    def keep(self, count: int) -> None:
        """Forget all but the first tokens."""
        del self.ids[count:]

    def take(self, ids: Sequence[int]) -> None:
        """Keep tokens that were tried directly after what was read."""
        self.ids += ids


@dataclass(frozen=True, slots=True)
class Try:
    """Tokens of several continuations of what was read; the answer is the logits ``[n, V]`` after each token.

    The tokens of all continuations are kept in the cache one after another, until something is read.

    Attributes:
        ids: ids of the new tokens.
        paths: for each, which tokens lead to it: indices into all tried since the last `Read`, itself included. None:
            a single continuation, directly after a `Read`; a story that writes its tokens may keep them (`Slot.take`).
    """

    ids: Sequence[int]
    paths: Sequence[Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class Fork:
    """A continuation that is read once and forgotten, independent of the others of its request.

    All forks of a request take the same columns of the cache, one after another: within a layer each is attended over
    before the next one is stored there, so that they cost no more memory than the longest, and no mask.

    Attributes:
        ids: at least one.
        visual: ``[N, H]``, in place of the embeddings of the ids from `visual_at` on.
        visual_at: see `visual`.
        wanted: the ids whose logits are answered, ascending.
    """

    ids: Sequence[int]
    wanted: Sequence[int]
    visual: Tensor | None = None
    visual_at: int = 0


@dataclass(frozen=True, slots=True)
class Read:
    """Tokens to read next; the answer is the logits ``[1, V]`` after the last of them.

    Attributes:
        ids: at least one.
        visual: ``[N, H]``, in place of the embeddings of the ids from `visual_at` on.
        visual_at: see `visual`.
        ahead: continuations to try in the same pass; their logits come after the first: ``[1 + n, V]``.
        forks: other continuations, without `ahead`; the logits that they want come after the first.
    """

    ids: Sequence[int]
    visual: Tensor | None = None
    visual_at: int = 0
    ahead: Try | None = None
    forks: Sequence[Fork] = ()


Request = Read | Try
Work = Generator[Request | Likely, Any, T]
"""Something that is being written: yields requests, is sent the answers, returns what it wrote."""


def is_single(request: object) -> bool:
    """Whether a request reads one token of text, and no more."""
    return isinstance(request, Read) and request.visual is None and size(request) == 1


def size(request: Request) -> int:
    """How many tokens a request passes through the model."""
    if isinstance(request, Try):
        return len(request.ids)
    ahead = len(request.ahead.ids) if request.ahead is not None else 0
    return len(request.ids) + ahead + sum(len(fork.ids) for fork in request.forks)


class Decoder:
    """The model, and a cache with a slot for each story.

    Args:
        narrator: the model, in evaluation mode.
        static: passes of single tokens have fixed shapes and addresses, on CUDA as graphs that are captured once and
            replayed (`vn.generation.static`); the same tokens are written. None: on CUDA, unless weights are quantized.

    Attributes:
        static: such passes; None if there are none.
        passes: passes of the model so far.
        tokens: tokens read so far, tried ones included.
    """

    def __init__(self, narrator: VideoNarrator, static: bool | None = None) -> None:
        self.narrator = narrator
        self.model = narrator.causal_lm
        self.device = narrator.mean.device
        if static is None:
            static = self.device.type == "cuda" and getattr(self.model, "hf_quantizer", None) is None
        self.cache = SlotCache(spare=1 if static else 0)
        self.static = StaticPass(self.cache, self._logits, self.device) if static else None
        self.passes = 0
        self.tokens = 0
        self._embed = self.model.get_input_embeddings()
        self._layers = self.model.get_decoder()
        self._head = self.model.get_output_embeddings()
        self._plain = llama.is_plain(self._layers)
        self._nothing = torch.ones(1, 1, 1, 1, dtype=torch.bool, device=self.device)

    def answer(self, asked: Sequence[tuple[Slot, Request]]) -> list[Tensor]:
        """Read what the slots request, in as few passes as memory allows.

        Args:
            asked: slots, each with its request.

        Returns:
            Logits ``[1 or n, V]``, in fp32, for each request.
        """
        # Single tokens first, ordered by slot, as `Reading` expects them.
        sizes = [size(request) for _, request in asked]
        single = [count == 1 and isinstance(request, Read) for count, (_, request) in zip(sizes, asked, strict=True)]
        order = sorted(range(len(asked)), key=lambda i: (not single[i], asked[i][0].number))
        answers: list[Tensor | None] = [None] * len(asked)
        group: list[int] = []
        total = 0
        for i in [*order, None]:
            count = sizes[i] if i is not None else 0
            if group and (i is None or total + count > MOST_TOKENS):
                for n, logits in zip(group, self._pass([asked[n] for n in group]), strict=True):
                    answers[n] = logits
                group, total = [], 0
            if i is not None:
                group.append(i)
                total += count
        return [logits for logits in answers if logits is not None]

    def forget(self) -> None:
        """Forget what all slots have read, and free the memory."""
        self.cache.clear()
        if self.static is not None:
            self.static.clear()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _pass(self, asked: Sequence[tuple[Slot, Request]]) -> list[Tensor]:
        self.passes += 1
        self.tokens += sum(size(request) for _, request in asked)
        if self.static is not None and all(is_single(request) for _, request in asked):
            logits = self.static.read({slot.number: (request.ids[0], len(slot.ids)) for slot, request in asked})
            for slot, request in asked:
                slot.ids += request.ids
            return list(logits.split(1))
        parts: list[Part] = []
        ids: list[int] = []
        position_ids: list[int] = []
        wanted: list[int] = []
        answers: list[int] = []  # number of logits of each
        visual: list[tuple[int, Tensor]] = []
        for slot, request in asked:
            read, wants = len(slot.ids), len(wanted)
            tried: Try | None
            if isinstance(request, Read):
                tried, count = request.ahead, len(request.ids)
                if request.visual is not None:
                    visual.append((len(ids) + request.visual_at, request.visual))
                ids += request.ids
                wanted.append(len(ids) - 1)
                slot.ids += request.ids
                if tried is not None and tried.paths is None:  # one line with what it follows
                    wanted += range(len(ids), len(ids) + len(tried.ids))
                    count += len(tried.ids)
                    ids += tried.ids
                    tried = None
                parts.append(Part(slot.number, read, count))
                position_ids += range(read, read + count)
                read += count
                for fork in request.forks:
                    if fork.visual is not None:
                        visual.append((len(ids) + fork.visual_at, fork.visual))
                    wanted += [len(ids) + n for n in fork.wanted]
                    ids += fork.ids
                    parts.append(Part(slot.number, read, len(fork.ids)))
                    position_ids += range(read, read + len(fork.ids))
            else:
                tried = request
            if tried is not None:
                assert tried.paths is not None, "a single continuation follows a Read"
                parts.append(_tried(slot.number, read, tried.ids, tried.paths))
                position_ids += [read + len(path) - 1 for path in tried.paths]
                wanted += range(len(ids), len(ids) + len(tried.ids))
                ids += tried.ids
            answers.append(len(wanted) - wants)
        inputs = self._embed(put([ids], self.device))
        for first, tokens in visual:
            inputs[0, first : first + len(tokens)] = tokens.to(inputs.dtype)
        singles = sum(isinstance(request, Read) and size(request) == 1 for _, request in asked)
        reading = Reading(self.cache, parts, singles, self.device)
        hidden = self._hidden(inputs, put([position_ids], self.device), reading)[0]
        if len(wanted) < len(ids):
            hidden = hidden[put(wanted, self.device)]
        return list(self._head(hidden).float().split(answers))

    def _logits(self, ids: Tensor, position_ids: Tensor, reading: Attends) -> Tensor:
        """Logits ``[N, V]`` after each token of a line of text ``[1, N]``."""
        logits: Tensor = self._head(self._hidden(self._embed(ids), position_ids, reading)[0]).float()
        return logits

    def _hidden(self, inputs: Tensor, position_ids: Tensor, reading: Attends) -> Tensor:
        if self._plain:
            return llama.read(self._layers, inputs, position_ids, reading)
        with torch.compiler.set_stance("force_eager"):  # layers that were compiled for losses
            hidden: Tensor = self._layers(
                inputs_embeds=inputs,
                attention_mask=self._nothing,  # four dimensions, passed on as it is; `Reading` needs none
                position_ids=position_ids,
                reading=reading,
                use_cache=False,
            ).last_hidden_state
        return hidden


def _tried(slot: int, read: int, ids: Sequence[int], paths: Sequence[Sequence[int]]) -> Part:
    """A part that tries tokens after the first `read` of a slot."""
    count = len(ids)
    tried = 1 + max(path[-1] for path in paths) - count
    mask = torch.zeros(count, read + tried + count, dtype=torch.bool)
    mask[:, :read] = True
    for n, path in enumerate(paths):
        mask[n, [read + column for column in path]] = True
    return Part(slot, read + tried, count, mask)


def visual_tokens(narrator: VideoNarrator, row: Row, frames: np.ndarray) -> Tensor | None:
    """The visual tokens ``[N, H]`` of a row, None if it has none; `frames` ``[F, T, D]`` as stored.

    A long video's memory is a mean of thousands of frames: they are combined a few at a time.
    """
    weights, device = row.plan.weights, narrator.mean.device
    if not len(weights):
        return None
    seen = torch.zeros(len(weights), *frames.shape[1:], device=device)
    used = np.flatnonzero(weights.any(axis=0))
    for start in range(0, len(used), FRAMES):
        some = used[start : start + FRAMES]
        part = torch.from_numpy(frames[some]).to(device).float()
        seen += torch.einsum("vf,ftd->vtd", torch.from_numpy(weights[:, some]).to(device), part)
    clip_positions = torch.full((len(weights),), row.clip_position, device=device)
    return narrator.visual_tokens(seen, torch.eye(len(weights), device=device), clip_positions)
