"""How well clips of the demo's world can be ordered at all: the ceiling by its own grammar (vn.demo.storyline).

    python benchmarks/order.py --split test --count 150

A clip's scene, seconds, label and narration are known; the order is not. The grammar gives the probability of every
order: the weights of scenes in each half, no scene twice in a row, the factor on the opening, offers last, labels by
half, attributes that are recalled only if an earlier clip has shown them, points of the knowledge list used in turn.
The probability of going on depends on the set of clips before and the last of them, so forward and backward sums over
these (at most 10 clips) are exact, and so are the probabilities of pairs. The order with the most of them together has
the highest expected tau (vn.order.votes): nobody who knows no more does better on average.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vn.demo.english import ENGLISH
from vn.demo.film import Film
from vn.demo.product import ATTRIBUTES
from vn.demo.storyline import OFFER_LAST, OPENING, PICTURES, RECALLS, WEIGHTS, Picture, half_of
from vn.demo.world import make_films
from vn.metrics.bootstrap import interval
from vn.metrics.ordering import finish_of, ordering_sums
from vn.order.search import search
from vn.order.votes import Order, Votes, expected_tau, settled
from vn.story import ScriptLabel, Story

NEVER = -1e9  # log score of what the grammar rules out: finite, so that sums stay numbers


@dataclass(frozen=True, slots=True)
class Known:
    """What an oracle knows of the clips, besides their scenes and seconds.

    Attributes:
        labels: their labels.
        recalled: which attributes their narrations name.
        points: which point of the knowledge list each uses.
        backdrops: that light and warmth of the backdrop both change at each cut: not in any label or narration.
        weights: the grammar's weights of scenes; False: all orders that labels and narrations allow are equal.
    """

    labels: bool = True
    recalled: bool = True
    points: bool = True
    backdrops: bool = False
    weights: bool = True


STEPS = {
    "scenes": Known(labels=False, recalled=False, points=False),
    "scenes, labels": Known(recalled=False, points=False),
    "scenes, labels, recalled attributes": Known(points=False),
    "scenes, labels, whole narrations": Known(),
    "the same, and backdrops at cuts": Known(backdrops=True),
    "labels and narrations, no weights of scenes": Known(weights=False),
}


class Oracle:
    """Log probabilities of next clips of a film, by the grammar.

    Args:
        film: the film.
        known: what is known of it.
    """

    def __init__(self, film: Film, known: Known) -> None:
        self.known = known
        self.story: Story = film.story
        self.pictures = [PICTURES[scene.picture] for scene in film.scenes]
        self.backdrops = [scene.backdrop for scene in film.scenes]
        self.labels = [(clip.labels or ())[0] for clip in film.story.clips]
        facts = [clip.facts or {} for clip in film.story.clips]
        self.named = [{name for name in ATTRIBUTES if name in each} for each in facts]
        self.used = [self._point(label, each) for label, each in zip(self.labels, facts, strict=True)]

    def _point(self, label: ScriptLabel, facts: dict) -> tuple[str, int] | None:  # type: ignore[type-arg]
        aspect = ENGLISH.aspects.get(label)
        if aspect is None:
            return None
        points = next(each.points for each in self.story.knowledge if each.aspect == aspect.name)
        return aspect.name, points.index(facts[aspect.fact]["value"])

    def score(self, beginnings: Sequence[Order]) -> list[dict[int, float]]:
        """See `vn.order.search.Score`."""
        count = len(self.pictures)
        return [{clip: self._log(order, clip) for clip in range(count) if clip not in order} for order in beginnings]

    def _log(self, order: Order, clip: int) -> float:
        rest = [other for other in range(len(self.pictures)) if other not in order and other != clip]
        clips = tuple(replace(self.story.clips[i]) for i in (*order, clip, *rest))
        half = half_of(replace(self.story, clips=clips).position(len(order)))
        if not self._allowed(order, clip, rest, half == "second"):
            return NEVER
        if not self.known.weights:
            return 0.0
        before = [self.pictures[i] for i in order]
        share = _share(self.pictures[clip], before, half == "second", list(PICTURES.values()))
        if not rest:
            offers = [p for p in PICTURES.values() if p.label(half) is ScriptLabel.CALL_TO_ACTION]
            offered = _share(self.pictures[clip], before, half == "second", offers)
            share = OFFER_LAST * offered + (1 - OFFER_LAST) * share
        return float(np.log(share)) if share > 0 else NEVER

    def _allowed(self, order: Order, clip: int, rest: Sequence[int], second: bool) -> bool:
        known, picture, label = self.known, self.pictures[clip], self.labels[clip]
        if known.labels and picture.label("second" if second else "first") is not label:
            return False
        recalled = RECALLS.get(label)
        if known.recalled and recalled is not None and recalled not in picture.shows:
            seen = any(recalled in self.pictures[i].shows for i in order)
            if (recalled in self.named[clip]) != seen:
                return False
        own = self.used[clip]
        if known.points and own is not None:
            same = {i: each[1] for i, each in enumerate(self.used) if each is not None and each[0] == own[0]}
            if any((i in order) != (point < own[1]) for i, point in same.items() if i != clip):
                return False
        return not (known.backdrops and order and (self.backdrops[clip] ^ self.backdrops[order[-1]]) & 3 != 3)


def _share(picture: Picture, before: Sequence[Picture], second: bool, pool: Sequence[Picture]) -> float:
    """The probability that a scene comes next, drawn from a pool."""
    times = Counter(each.name for each in before)
    weights = {}
    for each in pool:
        if times[each.name] < 2 and each not in before[-1:]:
            weights[each.name] = WEIGHTS[each.name][second] / (1 + 2 * times[each.name])
            if not before and each.ambiguous:
                weights[each.name] *= OPENING
    return weights.get(picture.name, 0.0) / sum(weights.values()) if weights else 0.0


def posterior(film: Film, known: Known) -> Votes:
    """The probability that one clip is before another, for each pair: exact up to 10 clips."""
    oracle = Oracle(film, known)
    return search(len(film.scenes), oracle.score, lambda order: 0.0, width=1 << len(film.scenes)).votes


def ceiling(films: Sequence[Film], known: Known, seed: int) -> tuple[np.ndarray, float]:
    """What an oracle reaches on films: sums of scores (`vn.metrics.ordering`), and the mean of the tau it expects.

    Args:
        films: the films.
        known: what it knows.
        seed: shuffles clips of equal votes.
    """
    found, expected = [], []
    rng = random.Random(seed)
    for film in films:
        votes = posterior(film, known)
        given = list(range(len(votes)))
        rng.shuffle(given)
        order = settled(votes[np.ix_(given, given)])
        found.append([given[i] for i in order])
        expected.append(expected_tau(votes, tuple(found[-1])))
    return ordering_sums(found), float(np.mean(expected))


def main() -> None:
    """Print the ceilings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    parser.add_argument("--count", type=int, default=150, help="number of films")
    parser.add_argument("--world", type=int, default=0, help="seed of the world")
    parser.add_argument("--seed", type=int, default=0, help="seed of the shuffling")
    args = parser.parse_args()
    films = make_films(args.world, args.count, args.split)
    print("known                                         tau    95 % interval     expected  exact")
    for name, known in STEPS.items():
        sums, expected = ceiling(films, known, args.seed)
        low, high = interval(sums, finish_of("tau")) or (float("nan"), float("nan"))
        tau, exact = (float(finish_of(metric)(sums.sum(axis=0))) for metric in ("tau", "exact"))
        print(f"{name:45} {tau:.3f}  {low:.3f} to {high:.3f}    {expected:.3f}     {exact:.2f}", flush=True)


if __name__ == "__main__":
    main()
