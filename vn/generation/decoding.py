"""How tokens are chosen: greedy, sampled, penalised, without repeating."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from transformers import RepetitionPenaltyLogitsProcessor

from vn.errors import InputError


def clash(beams: int, temperature: float) -> str | None:
    """Why these two cannot be asked for together; None where they can."""
    if beams == 1 or temperature == 0:
        return None
    searched = f"{beams} beams search for the most likely narration"
    return f"{searched}, and a temperature of {temperature:g} draws one: give one of the two"


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class Decoding:
    """How tokens are chosen.

    Attributes:
        max_new_tokens: at most this many for a narration, and for a free label (released: 100).
        temperature: 0 is greedy; above it, sampling (released: 0.1).
        top_k: sample among the k best (released: 50).
        repetition_penalty: on narrations, over all ids of the prompt (released: 1.1); 1 is none.
        no_repeat_ngram: no narration says so many tokens in a row that it, or an earlier clip's narration, has said
            already; 0 lets it.
        beams: above 1, narrations are searched for with so many hypotheses: the likeliest found is taken.
        length_control: ``exact`` keeps every narration within its range of words, by a beam search where what was
            written is not in range; ``none`` is the paper's setting.
        constrain_labels: labels are the 12 and their ``+`` combinations only; False lets the model write anything,
            and what is no label counts as none.
        seed: with the video's id and the clip, seeds sampling, so that a story does not depend on which others are
            written.
    """

    max_new_tokens: int = 100
    temperature: float = 0.0
    top_k: int = 50
    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    beams: int = 1
    length_control: Literal["none", "exact"] = "none"
    constrain_labels: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if problem := clash(self.beams, self.temperature):
            raise InputError(problem, field="beams")

    def pick(self, logits: Tensor, generator: torch.Generator, allowed: Sequence[int] | None = None) -> int:
        """The next token; `logits` ``[V]``, `allowed` the only ones that may be it."""
        if allowed is not None:
            logits = logits[torch.tensor(allowed, device=logits.device)]
        if self.temperature == 0:
            best = int(logits.argmax())
        else:
            values, tokens = logits.topk(min(self.top_k, len(logits)))
            odds = (values / self.temperature).softmax(dim=0).cpu()
            best = int(tokens[int(torch.multinomial(odds, 1, generator=generator))])
        return best if allowed is None else allowed[best]

    def generator(self, video: str, clip: int) -> torch.Generator:
        """What the draws of a clip come from."""
        digest = hashlib.sha256(f"{self.seed}:{video}:{clip}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class Repeats:
    """Which tokens would say again what was said, `size` tokens in a row; none where it is 0."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.said: dict[tuple[int, ...], set[int]] = {}  # size - 1 tokens -> those that came next

    def add(self, ids: Sequence[int]) -> None:
        """A narration has been written."""
        for start in range(len(ids) - self.size + 1 if self.size else 0):
            *before, last = ids[start : start + self.size]
            self.said.setdefault(tuple(before), set()).add(last)

    def after(self, ids: Sequence[int]) -> set[int]:
        """The tokens that may not follow in a narration that begins so."""
        if not self.size or len(ids) < self.size - 1:
            return set()
        last = tuple(ids[len(ids) - self.size + 1 :])
        own = {ids[end] for end in range(self.size - 1, len(ids)) if tuple(ids[end - self.size + 1 : end]) == last}
        return own | self.said.get(last, set())


def shaped(
    logits: Tensor, prompt: Sequence[int], written: Sequence[Sequence[int]], penalty: float, repeats: Repeats
) -> Tensor:
    """Logits of narrations after the repetition penalty (transformers') and without what may not be repeated.

    Args:
        logits: ``[n, V]``, what comes next after each of n beginnings of a narration.
        prompt: the ids before the narration.
        written: those beginnings.
        penalty: 1 is none.
        repeats: knows the earlier narrations.
    """
    if penalty == 1.0 and not repeats.size:
        return logits
    penalise = RepetitionPenaltyLogitsProcessor(penalty) if penalty != 1.0 else None
    rows = []
    for row, ids in zip(logits, written, strict=True):
        if penalise is not None:
            row = penalise(torch.tensor([[*prompt, *ids]], device=logits.device), row[None])[0]
        if barred := repeats.after(ids):
            row = row.clone()
            row[torch.tensor(sorted(barred), device=row.device)] = -torch.inf
        rows.append(row)
    return torch.stack(rows)
