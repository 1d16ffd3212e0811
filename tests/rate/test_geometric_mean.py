"""Which readings of the geometric mean can give the numbers that the paper prints (docs/rating.md)."""

from itertools import product

import numpy as np
import pytest

from vn.rate.means import geometric_mean
from vn.score.paper import paper

ROWS = {name: list(values.values()) for name, values in paper().human.rows.items()}
HALF = 0.005  # of the last digit printed


def of_means(means):
    return float(geometric_mean(np.array([part for mean in means for part in (mean, 1.0)])))


def test_the_printed_means_give_another_second_row():
    found = [of_means(means) for *means, _ in ROWS.values()]
    assert found == pytest.approx([1.375, 2.230, 2.453], abs=5e-4)
    assert [round(value, 2) == gm for value, (*_, gm) in zip(found, ROWS.values(), strict=True)] == [True, False, True]
    assert [np.floor(100 * value) / 100 for value in found] == [gm for *_, gm in ROWS.values()], "digits cut"


def test_unrounded_means_can_give_the_printed_numbers_but_the_second_only_at_the_edge():
    ranges = [(of_means(np.subtract(m, HALF)), of_means(np.add(m, HALF))) for *m, _ in ROWS.values()]
    assert np.round(ranges, 3).tolist() == [[1.370, 1.380], [2.225, 2.235], [2.448, 2.458]]
    for (low, high), (*_, gm) in zip(ranges, ROWS.values(), strict=True):
        assert low < gm + HALF
        assert high >= gm - HALF
    assert ranges[1][0] > 2.22 + HALF - 5e-4


def test_the_mean_of_ratings_own_geometric_means_can_do_so_only_close_to_its_maximum():
    """The maximum over all distributions of three ratings from 0 to 3 whose means round to the printed ones."""
    optimize = pytest.importorskip("scipy.optimize")
    points = np.array(list(product(range(4), repeat=3)), dtype=float)
    worth = np.cbrt(points.prod(axis=1))
    most = []
    for *means, _ in ROWS.values():
        ends = np.concatenate([np.add(means, HALF), -np.subtract(means, HALF)])
        sides = np.concatenate([points.T, -points.T])
        found = optimize.linprog(-worth, A_ub=sides, b_ub=ends, A_eq=np.ones((1, len(points))), b_eq=[1])
        most.append(-found.fun)
    assert np.round(most, 3).tolist() == [1.376, 2.223, 2.447]
    for highest, (*_, gm) in zip(most, ROWS.values(), strict=True):
        assert gm - HALF < highest < gm + 2 * HALF


def test_the_mean_over_raters_of_their_own_geometric_means_can_do_so():
    """Eight raters whose means deviate by 0.18, up or down, independently in the three criteria."""
    deviations = 0.18 * np.array(list(product((-1, 1), repeat=3)))
    found = [np.mean([of_means(own) for own in np.add(means, deviations)]) for *means, _ in ROWS.values()]
    assert np.round(found, 2).tolist() == [gm for *_, gm in ROWS.values()]
