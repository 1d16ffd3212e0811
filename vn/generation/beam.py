"""Beam search for the likeliest narration that a rule allows: one in its range of words."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vn.generation.length import Rule

LOOK_AT = 256  # most likely tokens that are looked at before all of them are

Step = list[tuple[int, int]]
"""Hypotheses as (which of those before it goes on, token)."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A narration so far, its log-probability, and which one of the step before it goes on."""

    ids: tuple[int, ...]
    score: float
    parent: int


@dataclass(frozen=True, slots=True)
class Ending:
    """A whole narration; `natural` ones come first."""

    natural: bool
    score: float
    ids: tuple[int, ...]

    def better(self, other: Ending | None) -> bool:
        """Whether this one is to be taken rather than the other, if there is one."""
        return other is None or (self.natural, self.score) > (other.natural, other.score)


def search(
    odds: Tensor, rule: Rule, width: int, stops: frozenset[int]
) -> Generator[Step, Tensor, tuple[int, ...] | None]:
    """Find the likeliest narration, as far as a beam finds it.

    An end is natural where a sentence ends, or where ending is what the model likes best. Of natural ends, or of all
    if there is none, the likeliest is taken. A search is over when no open hypothesis can become likelier.

    Args:
        odds: ``[1, V]`` log-probabilities of the first token.
        rule: what the narration may be.
        width: hypotheses kept.
        stops: ids that end a narration.

    Yields:
        The hypotheses to go on with; wants log-probabilities ``[n, V]`` of what follows each.

    Returns:
        Ids without a stop; None where the rule leaves nothing to write.
    """
    beam = [Hypothesis((), 0.0, 0)]
    best: Ending | None = None
    ends = torch.tensor(sorted(stops), device=odds.device)
    while True:
        ending = odds[:, ends].logsumexp(dim=1).tolist()
        likely = [part.tolist() for part in odds.topk(min(LOOK_AT, odds.shape[1]))]
        following: list[Hypothesis] = []
        for row, hypothesis in enumerate(beam):
            scores, tokens = likely[0][row], likely[1][row]
            if rule.may_end(hypothesis.ids):
                natural = rule.natural(hypothesis.ids) or tokens[0] in stops
                end = Ending(natural, hypothesis.score + ending[row], hypothesis.ids)
                best = end if end.better(best) else best
            found = _admitted(rule, hypothesis, row, scores, tokens, width, stops)
            if not found and len(tokens) < odds.shape[1]:
                everything = odds[row].sort(descending=True)
                scores, tokens = everything.values.tolist(), everything.indices.tolist()
                found = _admitted(rule, hypothesis, row, scores, tokens, width, stops)
            following += found
        following.sort(key=lambda each: -each.score)
        if best is not None and best.natural:
            following = [each for each in following if each.score > best.score]
        beam = following[:width]
        if not beam:
            return best.ids if best is not None else None
        odds = yield [(each.parent, each.ids[-1]) for each in beam]


def _admitted(
    rule: Rule,
    hypothesis: Hypothesis,
    row: int,
    scores: Sequence[float],
    tokens: Sequence[int],
    width: int,
    stops: frozenset[int],
) -> list[Hypothesis]:
    """Up to `width` of the likeliest next tokens that the rule admits."""
    found: list[Hypothesis] = []
    for score, token in zip(scores, tokens, strict=True):
        if score == -math.inf:  # and so are all behind it
            break
        if token not in stops and rule.may_follow(hypothesis.ids, token):
            found.append(Hypothesis((*hypothesis.ids, token), hypothesis.score + score, row))
            if len(found) == width:
                break
    return found
