"""Scores of orders: Kendall's tau against scipy's, and what intervals are made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from vn.metrics.ordering import ORDERING, finish_of, kendall_tau, ordering_sums

orders = st.integers(2, 12).flatmap(lambda n: st.permutations(range(n)))


@given(orders)
def test_tau_is_scipys(found):
    assert kendall_tau(found) == pytest.approx(kendalltau(np.arange(len(found)), found).statistic)


@given(orders)
def test_reversing_an_order_negates_tau(found):
    assert kendall_tau(found[::-1]) == pytest.approx(-kendall_tau(found))


@given(st.lists(orders, min_size=1, max_size=5))
def test_sums_give_means(every):
    total = ordering_sums(every).sum(axis=0)
    scores = {metric: float(finish_of(metric)(total)) for metric in ORDERING}
    assert scores["tau"] == pytest.approx(np.mean([kendall_tau(each) for each in every]))
    assert scores["exact"] == np.mean([list(each) == sorted(each) for each in every])
    assert scores["first"] == np.mean([each[0] == 0 for each in every])
    assert scores["last"] == np.mean([each[-1] == len(each) - 1 for each in every])
    right = sum(a < b for each in every for i, a in enumerate(each) for b in each[i + 1 :])
    assert scores["pairs"] == pytest.approx(right / sum(len(each) * (len(each) - 1) // 2 for each in every))


@pytest.mark.parametrize("found", [(), (0,), (0, 0), (1, 2), (0, 2)])
def test_what_is_no_order_is_refused(found):
    with pytest.raises(ValueError, match="order of two clips or more"):
        kendall_tau(found)
