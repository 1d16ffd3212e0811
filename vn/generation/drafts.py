"""Drafts: a guess at the next tokens, which the model confirms in one pass instead of one pass per token.

A draft is read together with the token before it, and the logits after each of its tokens choose what comes next as
always: while that is what the draft has, its tokens are kept in the cache; the first one that differs is written
instead, and what the draft has from there on is forgotten (speculative decoding, Leviathan et al. 2023, with a draft
that is certain of its tokens). So the texts are the same, and samples are drawn from a clip's generator in the same
order. What is guessed comes from n-grams of the training narrations (`vn.llm.ngrams`) and of the story's own texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from vn.generation.decoder import Read, Try
from vn.llm.ngrams import LONGEST, Ngrams

Guess = Callable[[Sequence[int], int], list[int]]
"""Guesses what follows these ids, up to a number of tokens; nothing if there is no idea."""

MOST = 12  # tokens of a draft
LEAST = 0.15  # chance of all of a draft so far, below which it ends
OWN = 2  # tokens of a context in the story's own texts
OWN_SHARE = 0.5  # how often what followed them follows again


@dataclass(frozen=True, slots=True)
class Line:
    """What is known of the next tokens.

    Attributes:
        logits: ``[1 + n, V]`` after what was read, and after each of n tokens that were guessed to follow it.
        guessed: these tokens.
    """

    logits: Tensor
    guessed: Sequence[int] = ()

    def __iter__(self) -> Iterator[tuple[Tensor, int | None]]:
        """The logits ``[1, V]`` of each next token, and what it was guessed to be; None at the end of the guess."""
        yield from zip(self.logits.split(1), [*self.guessed, None], strict=True)


def read(ids: Sequence[int], guessed: Sequence[int]) -> Read:
    """Read tokens, and what is guessed to follow them."""
    return Read(ids, ahead=Try(guessed) if guessed else None)


def no_guess(ids: Sequence[int], most: int) -> list[int]:
    """Guess nothing."""
    return []


class Drafter:
    """Guesses what comes next in one story.

    Args:
        ngrams: n-grams of the training narrations.
        stops: ids that end a text, which are not guessed: no token is read after them.
    """

    def __init__(self, ngrams: Ngrams, stops: frozenset[int]) -> None:
        self.ngrams = ngrams
        self.stops = stops
        self._own: dict[tuple[int, ...], int] = {}

    def learn(self, ids: Sequence[int]) -> None:
        """Add a text of the story."""
        for end in range(OWN, len(ids)):
            self._own[tuple(ids[end - OWN : end])] = ids[end]

    def guess(self, ids: Sequence[int], most: int) -> list[int]:
        """What may follow these ids, up to a number of tokens."""
        context, chance = list(ids[-LONGEST:]), 1.0
        begin = len(context)
        while len(context) - begin < min(most, MOST):
            found = self.ngrams.after(context)
            own = self._own.get(tuple(context[-OWN:]))
            if own is not None and (found is None or found[1] < OWN_SHARE):
                found = own, OWN_SHARE
            if found is None or found[0] in self.stops:
                break
            chance *= found[1]
            if chance < LEAST:
                break
            context.append(found[0])
        return context[begin:]
