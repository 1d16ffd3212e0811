"""Beam search for the likeliest narration in its range of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vn.llm.decoder import Decoder
from vn.llm.length import LengthRule

LOOK_AT = 256  # most likely tokens that are looked at before all of them are


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A narration so far, and its log-probability."""

    ids: tuple[int, ...]
    score: float


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
    decoder: Decoder, rules: Sequence[LengthRule], width: int, stops: frozenset[int], penalty: float = 1.0
) -> list[tuple[int, ...] | None]:
    """The likeliest narrations in range, as far as a beam finds them.

    An end is natural where a sentence ends, or where ending is what the model likes best. Of natural ends, or of all
    if there is none, the likeliest is taken. A search is over when no open hypothesis can become likelier.

    Args:
        decoder: with a row, a prompt, for each rule; used up.
        rules: what each narration may be.
        width: hypotheses kept of each.
        stops: ids that end a narration.
        penalty: of repetitions, as in `Decoder.penalised`.

    Returns:
        Ids without a stop for each rule; None where the rule leaves nothing to write.
    """
    beams = [[Hypothesis((), 0.0)] for _ in rules]
    best: list[Ending | None] = [None] * len(rules)
    ends = torch.tensor(sorted(stops), device=decoder.device)
    while any(beams):
        odds = decoder.penalised(penalty).log_softmax(dim=1)
        ending = odds[:, ends].logsumexp(dim=1).tolist()
        likely = [part.tolist() for part in odds.topk(min(LOOK_AT, odds.shape[1]))]
        parents: list[int] = []
        row = 0
        for n, (rule, beam) in enumerate(zip(rules, beams, strict=True)):
            following: list[tuple[float, int, Hypothesis]] = []
            for hypothesis in beam:
                scores, tokens = likely[0][row], likely[1][row]
                if rule.may_end(hypothesis.ids):
                    natural = rule.natural(hypothesis.ids) or tokens[0] in stops
                    end = Ending(natural, hypothesis.score + ending[row], hypothesis.ids)
                    best[n] = end if end.better(best[n]) else best[n]
                found = _admitted(rule, hypothesis, scores, tokens, width, stops)
                if not found and len(tokens) < odds.shape[1]:
                    everything = odds[row].sort(descending=True)
                    all_scores, all_tokens = everything.values.tolist(), everything.indices.tolist()
                    found = _admitted(rule, hypothesis, all_scores, all_tokens, width, stops)
                following += [(each.score, row, each) for each in found]
                row += 1
            following.sort(key=lambda each: -each[0])
            done = best[n]
            if done is not None and done.natural:
                following = [each for each in following if each[0] > done.score]
            beams[n] = [each for _, _, each in following[:width]]
            parents += [parent for _, parent, _ in following[:width]]
        if parents:
            decoder.select(parents)
            decoder.read([[each.ids[-1]] for beam in beams for each in beam])
    return [end.ids if end is not None else None for end in best]


def _admitted(
    rule: LengthRule,
    hypothesis: Hypothesis,
    scores: Sequence[float],
    tokens: Sequence[int],
    width: int,
    stops: frozenset[int],
) -> list[Hypothesis]:
    """Up to `width` of the likeliest next tokens that the rule admits."""
    found: list[Hypothesis] = []
    for score, token in zip(scores, tokens, strict=True):
        if token not in stops and rule.may_follow(hypothesis.ids, token):
            found.append(Hypothesis((*hypothesis.ids, token), hypothesis.score + score))
            if len(found) == width:
                break
    return found
