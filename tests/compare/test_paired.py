"""Differences over seeds and videos: compared with the plain bootstrap over videos, and what is not compared."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.compare.paired import seed_difference
from vn.errors import InputError
from vn.metrics.bootstrap import holm, mean
from vn.score.sums import Measure

VIDEOS = 40


def measure(scores, **changes):
    sums = np.column_stack([scores, np.ones_like(scores)])
    names = tuple(f"v{i:02d}" for i in range(len(scores)))
    return replace(Measure(names, sums, mean, "ptb", "cider-d", {}), **changes)


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    videos = rng.normal(size=VIDEOS)
    full = [measure(videos + rng.normal(0, 0.1, VIDEOS)) for _ in range(3)]
    less = [measure(videos - 0.2 + rng.normal(0, 0.1, VIDEOS)) for _ in range(3)]
    return full, less


def test_a_clear_loss_is_found_although_videos_differ_much_more(runs):
    full, less = runs
    d = seed_difference(full, less)
    assert d.value == pytest.approx(np.mean([b.value - a.value for a, b in zip(full, less, strict=True)]))
    assert d.low < d.value < d.high < 0
    assert d.p_value < 0.01


def test_the_interval_holds_what_seeds_do_which_a_bootstrap_over_videos_does_not(runs):
    full, less = runs
    gaps = np.mean([b.sums[:, 0] - a.sums[:, 0] for a, b in zip(full, less, strict=True)], axis=0)
    rng = np.random.default_rng(5)
    means = [rng.choice(gaps, VIDEOS).mean() for _ in range(4000)]
    low, high = np.quantile(means, [0.025, 0.975])
    d = seed_difference(full, less)
    assert d.low < low < high < d.high
    assert d.high - d.low < 3 * (high - low)  # three seeds that agree as well as chance over videos lets them
    noisy = [measure(m.sums[:, 0] + shift) for m, shift in zip(less, (-0.3, 0.0, 0.3), strict=True)]
    e = seed_difference(full, noisy)
    assert e.value == pytest.approx(d.value)
    assert e.low < 0 < e.high


def test_a_single_seed_has_a_difference_and_no_interval(runs):
    full, less = runs
    d = seed_difference(full[:1], less[:1])
    assert d.value == pytest.approx(less[0].value - full[0].value)
    assert (d.low, d.high, d.p_value) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenisation": "char"}, "tokenisations are not compared: char, ptb"),
        ({"variant": "released"}, "variants are not compared"),
        ({"videos": tuple(f"w{i:02d}" for i in range(VIDEOS))}, "the same videos"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, changes, message):
    full, less = runs
    with pytest.raises(InputError, match=message):
        seed_difference(full, [*less[:2], replace(less[2], **changes)])


def test_other_seeds_are_refused(runs):
    full, less = runs
    with pytest.raises(InputError, match="the same seeds, got 3 and 2"):
        seed_difference(full, less[:2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_rejects_what_the_step_down_procedure_rejects(values):
    names = {str(i): p for i, p in enumerate(values)}
    corrected = holm(names)
    level, rejected = 0.05, set()
    for rank, name in enumerate(sorted(names, key=lambda n: names[n])):  # the textbook's procedure
        if names[name] * (len(names) - rank) > level:
            break
        rejected.add(name)
    assert {n for n, p in corrected.items() if p <= level} == rejected
    assert all(corrected[n] >= names[n] for n in names)
