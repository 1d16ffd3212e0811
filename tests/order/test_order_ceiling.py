"""The ceiling by the demo's grammar: against all orders of short films, and by the grammar's own draws."""

import importlib.util
import itertools
import math
from pathlib import Path

import pytest

from vn.demo.world import make_films

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "order.py"


@pytest.fixture(scope="module")
def order():
    import sys

    spec = importlib.util.spec_from_file_location("benchmark_order", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_votes_are_those_of_all_orders(order):
    film = next(each for each in make_films(0, 40, "val") if len(each.scenes) == 5)
    oracle = order.Oracle(film, order.Known())
    weights = {}
    for each in itertools.permutations(range(5)):
        weights[each] = math.exp(sum(oracle.score([each[:n]])[0][each[n]] for n in range(5)))
    votes = order.posterior(film, order.Known())
    for i, k in itertools.permutations(range(5), 2):
        share = sum(w for each, w in weights.items() if each.index(i) < each.index(k)) / sum(weights.values())
        assert votes[i, k] == pytest.approx(share, abs=1e-6)


def test_every_film_is_possible_by_the_grammar(order):
    for film in make_films(0, 20, "test"):
        for known in order.STEPS.values():
            oracle = order.Oracle(film, known)
            found = [oracle.score([tuple(range(n))])[0][n] for n in range(len(film.scenes))]
            assert min(found) > order.NEVER


def test_who_knows_more_orders_better(order):
    films = [film for film in make_films(0, 60, "train") if len(film.scenes) <= 7]
    expected = [order.ceiling(films, order.STEPS[name], 0)[1] for name in list(order.STEPS)[:5]]
    assert expected == sorted(expected)
