"""Beam search for the most likely narration that a rule allows: one in its range of words."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vn.generation.length import Rule

LOOK_AT = 256  # most likely tokens that are tried first; all tokens only if none of these is allowed

Step = list[tuple[int, int]]
"""Hypotheses as (index of the previous step's hypothesis that is extended, token)."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A narration so far, its log-probability, and the index of the previous step's hypothesis that it extends."""

    ids: tuple[int, ...]
    score: float
    parent: int


@dataclass(frozen=True, slots=True)
class Ending:
    """A complete narration; `natural` ones are preferred."""

    natural: bool
    score: float
    ids: tuple[int, ...]

    def better(self, other: Ending | None) -> bool:
        """Whether this one is preferred to the other, if there is another."""
        return other is None or (self.natural, self.score) > (other.natural, other.score)


def search(
    odds: Tensor, rule: Rule, width: int, stops: frozenset[int]
) -> Generator[Step, Tensor, tuple[int, ...] | None]:
    """Find the most likely narration, as far as a beam search can.

    An end is natural if a sentence ends there, or if ending is the model's first choice. Of the natural ends, or of all
    ends if none is natural, the most likely is taken. The search ends when no open hypothesis can become more likely.

    Args:
        odds: ``[1, V]`` log-probabilities of the first token.
        rule: which narrations are allowed.
        width: number of hypotheses that are kept.
        stops: ids that end a narration.

    Yields:
        The hypotheses to extend; expects to be sent the log-probabilities ``[n, V]`` of the token after each.

    Returns:
        Ids without a stop; None if the rule allows no narration.
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
    """Up to `width` of the most likely next tokens that the rule allows."""
    found: list[Hypothesis] = []
    for score, token in zip(scores, tokens, strict=True):
        if score == -math.inf:  # and so are all after it
            break
        if token not in stops and rule.may_follow(hypothesis.ids, token):
            found.append(Hypothesis((*hypothesis.ids, token), hypothesis.score + score, row))
            if len(found) == width:
                break
    return found
