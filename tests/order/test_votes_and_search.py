"""The search over orders and the choice among them, against all orders of a few clips."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.metrics.ordering import kendall_tau
from vn.order import votes as votes_module
from vn.order.search import search
from vn.order.votes import expected_tau, settled


def some_votes(count, seed):
    votes = np.zeros((count, count))
    upper = np.triu_indices(count, k=1)
    votes[upper] = np.random.default_rng(seed).random(len(upper[0]))
    votes.T[upper] = 1 - votes[upper]
    return votes


@given(st.integers(2, 6), st.integers(0, 1000))
def test_the_settled_order_has_the_most_votes(count, seed):
    votes = some_votes(count, seed)
    best = max(expected_tau(votes, order) for order in itertools.permutations(range(count)))
    assert expected_tau(votes, settled(votes)) == pytest.approx(best)


@given(st.integers(2, 6), st.integers(0, 1000))
def test_moving_clips_improves_on_the_order_by_mean_votes(count, seed):
    votes = some_votes(count, seed)
    moved = votes_module._by_moves(votes)
    assert sorted(moved) == list(range(count))
    by_means = tuple(sorted(range(count), key=lambda clip: -votes[clip].sum()))
    assert expected_tau(votes, moved) >= expected_tau(votes, by_means) - 1e-9


def test_many_clips_with_certain_votes_are_in_that_order():
    order = np.random.default_rng(0).permutation(40)
    place = np.argsort(order)
    assert settled((place[:, None] < place[None, :]).astype(float)) == tuple(order.tolist())


def scores_by_last(count, seed):
    """Scores that depend on the set of clips before and on the last of them, as the search assumes."""
    made = {}

    def score(beginnings):
        found = []
        for order in beginnings:
            key = frozenset(order), order[-1] if order else None
            for clip in set(range(count)) - set(order):
                if (key, clip) not in made:
                    rng = np.random.default_rng([seed, len(made)])
                    made[key, clip] = float(rng.normal())
            found.append({clip: made[key, clip] for clip in range(count) if clip not in order})
        return found

    return score


@given(st.integers(2, 5), st.integers(0, 100))
def test_a_wide_search_gives_the_exact_posterior(count, seed):
    score = scores_by_last(count, seed)
    found = search(count, score, lambda order: 0.0, width=1000)
    weights = {}
    for order in itertools.permutations(range(count)):
        weights[order] = sum(score([order[:n]])[0][order[n]] for n in range(count))
    total = math.log(sum(math.exp(value) for value in weights.values()))
    for i, k in itertools.permutations(range(count), 2):
        share = sum(math.exp(value - total) for order, value in weights.items() if order.index(i) < order.index(k))
        assert found.votes[i, k] == pytest.approx(share)
    assert weights[found.best] == pytest.approx(max(weights.values()))
    taus = [math.exp(v - total) * kendall_tau([settled(found.votes).index(c) for c in o]) for o, v in weights.items()]
    assert expected_tau(found.votes, settled(found.votes)) == pytest.approx(sum(taus))


@given(st.integers(2, 6), st.integers(0, 30), st.integers(1, 3))
def test_a_narrow_search_finds_an_order_and_shares_sum_to_one(count, seed, width):
    calls = []

    def score(beginnings):
        calls.append(len({frozenset(order) for order in beginnings}))
        return scores_by_last(count, seed)(beginnings)

    found = search(count, score, lambda order: 0.0, width)
    assert sorted(found.best) == list(range(count))
    assert len(calls) == count
    assert max(calls) <= width
    assert found.votes + found.votes.T + np.eye(count) == pytest.approx(np.ones((count, count)))
