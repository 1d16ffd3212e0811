"""Beam search for the most likely narration that a rule allows: one in its range of words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator
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
class Look:
    """Tokens that may follow a hypothesis, the most likely first, their log-probabilities, and which are allowed.

    The latter is None if the rule is asked for one token at a time.
    """

    odds: list[float]
    tokens: list[int]
    allowed: list[bool] | None


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
        values, tokens = odds.topk(min(LOOK_AT, odds.shape[1]))
        allowed = rule.allowed([each.ids for each in beam], tokens)
        ending, looks = _on_host(odds[:, ends].logsumexp(dim=1), values, tokens, allowed)
        following: list[Hypothesis] = []
        for row, (hypothesis, look) in enumerate(zip(beam, looks, strict=True)):
            if rule.may_end(hypothesis.ids):
                natural = rule.natural(hypothesis.ids) or look.tokens[0] in stops
                end = Ending(natural, hypothesis.score + ending[row], hypothesis.ids)
                best = end if end.better(best) else best
            found = _admitted(rule, hypothesis, row, look, width, stops)
            if not found and len(look.tokens) < odds.shape[1]:
                everything = _everything(rule, hypothesis, odds[row], width + len(stops))
                found = _admitted(rule, hypothesis, row, everything, width, stops)
            following += found
        following.sort(key=lambda each: -each.score)
        if best is not None and best.natural:
            following = [each for each in following if each.score > best.score]
        beam = following[:width]
        if not beam:
            return best.ids if best is not None else None
        odds = yield [(each.parent, each.ids[-1]) for each in beam]


def _on_host(ending: Tensor, values: Tensor, tokens: Tensor, allowed: Tensor | None) -> tuple[list[float], list[Look]]:
    """The odds ``[n]`` of an end, and for each hypothesis what is looked at, ``[n, k]``, in one transfer."""
    parts = [ending[:, None].view(torch.int32), values.view(torch.int32), tokens.int()]
    both = torch.cat([*parts, allowed.int()] if allowed is not None else parts, dim=1).cpu()
    k = values.shape[1]
    floats, ids, flags = both[:, : 1 + k].view(torch.float32), both[:, 1 + k : 1 + 2 * k], both[:, 1 + 2 * k :]
    rows = flags.bool().tolist() if allowed is not None else [None] * len(both)
    parts_of = zip(floats[:, 1:].tolist(), ids.tolist(), rows, strict=True)
    return floats[:, 0].tolist(), [Look(*each) for each in parts_of]


def _everything(rule: Rule, hypothesis: Hypothesis, odds: Tensor, count: int) -> Look:
    """All tokens after a hypothesis, by their odds ``[V]``; of those that a table allows, no more than `count`."""
    allowed = rule.allowed([hypothesis.ids], torch.arange(len(odds), device=odds.device)[None])
    if allowed is None:
        order = odds.sort(descending=True, stable=True)
        return Look(order.values.tolist(), order.indices.tolist(), None)
    odds = odds.where(allowed[0], -math.inf)
    least = odds.topk(min(count, len(odds))).values[-1]
    some = (odds >= least).nonzero()[:, 0]  # in the order of ids, as are tokens of equal odds when all are sorted
    order = odds[some].sort(descending=True, stable=True)
    tokens = some[order.indices][:count]
    return Look(order.values[:count].tolist(), tokens.tolist(), [True] * len(tokens))


def _admitted(
    rule: Rule, hypothesis: Hypothesis, row: int, look: Look, width: int, stops: frozenset[int]
) -> list[Hypothesis]:
    """Up to `width` of the most likely next tokens that the rule allows."""
    found: list[Hypothesis] = []
    flags = look.allowed or itertools.repeat(None)
    for score, token, allowed in zip(look.odds, look.tokens, flags, strict=False):
        if score == -math.inf:  # and so are all after it
            break
        if token not in stops and (rule.may_follow(hypothesis.ids, token) if allowed is None else allowed):
            found.append(Hypothesis((*hypothesis.ids, token), hypothesis.score + score, row))
            if len(found) == width:
                break
    return found
