"""Alpha, Pearson and ICC: worked examples, plain loops, and what must hold for any ratings."""

import numpy as np
import pytest
from agreement_by_loops import alpha as alpha_by_loops
from agreement_by_loops import pearson as pearson_by_loops
from hypothesis import given
from hypothesis import strategies as st

from vn.rate import agreement
from vn.rate.agreement import ICC

NONE = np.nan
# Four observers, twelve units, values 1 to 5, some missing: the example of Krippendorff (2011), C.
FOUR = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
)
# Four judges, six targets: the example of Shrout and Fleiss (1979).
JUDGES = np.array([[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]], dtype=float)


def alpha(ratings, ordinal, points=4):
    return float(agreement.alpha(agreement.coincidences(ratings, points).sum(axis=0), ordinal))


def pearson(ratings):
    return float(agreement.pearson(agreement.moments(ratings).sum(axis=0)))


def icc(ratings):
    return dict(zip(ICC, agreement.icc(agreement.layout(ratings).sum(axis=0)).tolist(), strict=True))


@st.composite
def rated(draw, complete=False):
    raters, units = draw(st.integers(2, 5)), draw(st.integers(2, 9))
    point = st.integers(0, 3) if complete else st.one_of(st.integers(0, 3), st.none())
    rows = draw(st.lists(st.lists(point, min_size=units, max_size=units), min_size=raters, max_size=raters))
    return np.array([[NONE if p is None else p for p in row] for row in rows], dtype=float)


def test_alpha_of_the_published_example():
    assert alpha(FOUR - 1, False, 5) == pytest.approx(0.849, abs=5e-4)
    assert alpha(FOUR - 1, True, 5) == pytest.approx(0.815, abs=5e-4)


def test_coincidences_by_hand():
    """Two raters, units (0, 0), (1, 2), (2, 2): each pair meets in both orders."""
    met = agreement.coincidences(np.array([[0, 1, 2], [0, 2, 2]], dtype=float), 3).sum(axis=0).reshape(3, 3)
    assert met.tolist() == [[2, 0, 0], [0, 0, 1], [0, 1, 2]]
    # Interval: observed 2 of 6; expected (2*1 + 2*3*4 + 1*3) * 2 of 6 * 5; alpha = 1 - 5 * 2 / 58.
    assert agreement.alpha(met.ravel(), False) == pytest.approx(1 - 10 / 58)


def test_icc_of_the_published_example():
    found = icc(JUDGES)
    wanted = {
        "ICC(1,1)": 0.17,
        "ICC(A,1)": 0.29,
        "ICC(C,1)": 0.71,
        "ICC(1,k)": 0.44,
        "ICC(A,k)": 0.62,
        "ICC(C,k)": 0.91,
    }
    assert found == pytest.approx(wanted, abs=5e-3)


@given(rated())
def test_alpha_is_that_of_plain_loops(ratings):
    counts = (~np.isnan(ratings)).sum(axis=0)
    pooled = ratings[:, counts > 1]
    pooled = pooled[~np.isnan(pooled)]
    if not len(pooled) or np.ptp(pooled) == 0:
        assert np.isnan(alpha(ratings, True))
        assert np.isnan(alpha(ratings, False))
        return
    for ordinal in (True, False):
        assert alpha(ratings, ordinal) == pytest.approx(alpha_by_loops(ratings, ordinal), abs=1e-9)


@given(rated())
def test_pearson_is_the_mean_over_pairs_that_vary(ratings):
    each = agreement.correlations(agreement.moments(ratings).sum(axis=0))
    if np.isnan(each).all():
        assert np.isnan(pearson(ratings))
    else:
        assert pearson(ratings) == pytest.approx(pearson_by_loops(ratings), abs=1e-9)


@given(rated(complete=True))
def test_the_order_of_raters_and_units_does_not_matter(ratings):
    turned = ratings[::-1, ::-1]
    for ordinal in (True, False):
        assert alpha(turned, ordinal) == pytest.approx(alpha(ratings, ordinal), nan_ok=True)
    assert pearson(turned) == pytest.approx(pearson(ratings), nan_ok=True)
    assert icc(turned) == pytest.approx(icc(ratings), nan_ok=True)


def test_raters_who_agree_and_raters_who_only_differ_in_their_mean():
    same = np.array([[0, 1, 2, 3, 1]] * 3, dtype=float)
    assert alpha(same, True) == alpha(same, False) == 1
    assert list(icc(same).values()) == pytest.approx([1] * 6)
    shifted = np.array([[0, 1, 2, 1], [1, 2, 3, 2]], dtype=float)
    assert pearson(shifted) == pytest.approx(1)
    assert icc(shifted)["ICC(C,1)"] == pytest.approx(1)
    assert icc(shifted)["ICC(A,1)"] < 0.7
    assert alpha(shifted, False) < 0.7


@pytest.mark.parametrize("raters", [3, 5, 13])
def test_raters_who_never_vary_have_no_icc_of_rounding_errors(raters):
    """Each gave one rating everywhere, and not all the same: units do not vary, and 0 is divided by 0."""
    found = icc(np.repeat(np.arange(raters)[:, None] % 4.0, 90, axis=1))
    assert found["ICC(A,1)"] == found["ICC(A,k)"] == 0
    assert found["ICC(1,1)"] == pytest.approx(-1 / (raters - 1))
    assert np.isnan([found["ICC(C,1)"], found["ICC(1,k)"], found["ICC(C,k)"]]).all()


def test_units_that_only_one_rater_rated_change_nothing():
    alone = np.full((4, 3), NONE)
    alone[1] = [4, 0, 2]
    more = np.concatenate([FOUR - 1, alone], axis=1)
    assert alpha(more, True, 5) == pytest.approx(alpha(FOUR - 1, True, 5))
    assert pearson(more) == pytest.approx(pearson(FOUR - 1))
    assert icc(more) == pytest.approx(icc(FOUR - 1))


def test_sums_over_stories_are_those_over_units():
    units = agreement.coincidences(FOUR - 1, 5)
    stories = [n // 3 for n in range(12)]
    by_story = agreement.by_story(units, stories)
    assert by_story.shape == (4, 25)
    assert by_story.sum(axis=0).tolist() == pytest.approx(units.sum(axis=0).tolist())
    assert by_story[1].tolist() == pytest.approx(units[3:6].sum(axis=0).tolist())
