"""How tokens are chosen: greedily, by sampling, with a repetition penalty, without repeated n-grams."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from transformers import RepetitionPenaltyLogitsProcessor

from vn.errors import InputError
from vn.generation.clash import clash
from vn.generation.likely import Answer, Likely, most_likely
from vn.llm.slots import put


@dataclass(frozen=True)  # no slots: jsonargparse reads defaults from __dict__
class Decoding:
    """How tokens are chosen.

    Attributes:
        max_new_tokens: maximum tokens of a narration, and of a free label (released: 100).
        temperature: 0 is greedy; above it, sampling (released: 0.1).
        top_k: sample among the k most likely tokens (released: 50).
        repetition_penalty: penalty on narrations, over all ids of the prompt (released: 1.1); 1 turns it off.
        no_repeat_ngram: no narration repeats an n-gram of this many tokens from itself or an earlier clip's
            narration; 0 allows repetition.
        beams: above 1, beam search over narrations with this many hypotheses; the most likely one found is taken.
        length_control: ``exact`` keeps every narration within its range of words, by a beam search if what was
            written is not in range; ``none`` is the paper's setting.
        constrain_labels: allow only the 12 labels and their ``+`` combinations; False lets the model write anything,
            and text that is not a label counts as unlabelled.
        seed: random seed of sampling, combined with the video's id and the clip, so that a story does not depend on
            which others are written.
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

    def pick(self, logits: Tensor, generator: torch.Generator) -> Generator[Likely, Answer, int]:
        """The next token, from `logits` ``[V]``; requests the most likely ones."""
        return self._chosen((yield self._looked_at(logits)), generator)

    def pick_from(self, logits: Tensor, generator: torch.Generator) -> int:
        """The index of the next token among a few with `logits` ``[n]``, which are on the CPU."""
        return self._chosen(most_likely(self._looked_at(logits)), generator)

    def _looked_at(self, logits: Tensor) -> Likely:
        return Likely(logits, 1 if self.temperature == 0 else min(self.top_k, len(logits)))

    def _chosen(self, likely: Answer, generator: torch.Generator) -> int:
        values, tokens = likely
        if self.temperature == 0:
            return int(tokens[0])
        odds = (values / self.temperature).softmax(dim=0)
        return int(tokens[int(torch.multinomial(odds, 1, generator=generator))])

    def generator(self, video: str, clip: int) -> torch.Generator:
        """The random generator of a clip."""
        digest = hashlib.sha256(f"{self.seed}:{video}:{clip}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class Repeats:
    """Which tokens would repeat an n-gram of `size` tokens; none if it is 0."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.said: dict[tuple[int, ...], set[int]] = {}  # size - 1 tokens -> those that came next

    def add(self, ids: Sequence[int]) -> None:
        """Add a narration that has been written."""
        for start in range(len(ids) - self.size + 1 if self.size else 0):
            *before, last = ids[start : start + self.size]
            self.said.setdefault(tuple(before), set()).add(last)

    def after(self, ids: Sequence[int]) -> set[int]:
        """The tokens that may not follow a narration's beginning `ids`."""
        if not self.size or len(ids) < self.size - 1:
            return set()
        last = tuple(ids[len(ids) - self.size + 1 :])
        own = {ids[end] for end in range(self.size - 1, len(ids)) if tuple(ids[end - self.size + 1 : end]) == last}
        return own | self.said.get(last, set())


def shaped(
    logits: Tensor, prompt: Sequence[int], written: Sequence[Sequence[int]], penalty: float, repeats: Repeats
) -> Tensor:
    """Logits of narrations after transformers' repetition penalty and without tokens that would repeat an n-gram.

    Args:
        logits: ``[n, V]``, for the token after each of n beginnings of a narration.
        prompt: the ids before the narration.
        written: those beginnings.
        penalty: repetition penalty; 1 is none.
        repeats: n-grams of the earlier narrations.
    """
    if penalty == 1.0 and not repeats.size:
        return logits
    penalise = RepetitionPenaltyLogitsProcessor(penalty) if penalty != 1.0 else None
    rows = []
    for row, ids in zip(logits, written, strict=True):
        if penalise is not None:
            row = penalise(put([[*prompt, *ids]], logits.device), row[None])[0]
        if barred := repeats.after(ids):
            row = row.clone()
            row[put(sorted(barred), row.device)] = -torch.inf
        rows.append(row)
    return torch.stack(rows)
