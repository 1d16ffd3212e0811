"""The interval over seeds and videos: textbook intervals where one of them does nothing, and how often it is right."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from vn.compare.crossed import Arm, arm, contrast
from vn.errors import InputError
from vn.metrics.bleu import bleu_of
from vn.metrics.bootstrap import mean
from vn.score.sums import Measure

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from certainty import drawn


def test_with_seeds_alone_it_is_students_interval_of_two_samples():
    random = np.random.default_rng(0)
    score = random.normal(size=30)  # videos differ, but each in the same way in all runs
    first, second = random.normal(size=3), random.normal(size=3)
    second = 1 + (second - second.mean()) * first.std() / second.std()
    arms = [Arm(values, score + values[:, None]) for values in (first, second)]
    found = contrast(arms, [-1, 1])
    other = stats.ttest_ind(second, first)
    ends = other.confidence_interval()
    assert (found.low, found.high, found.p_value) == pytest.approx((ends.low, ends.high, other.pvalue))
    assert found.freedom == pytest.approx(4)


def test_with_videos_alone_it_is_the_interval_of_paired_videos():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(2, 30))
    arms = [Arm(np.full(3, own.mean()), np.tile(own, (3, 1))) for own in (first, second)]
    found = contrast(arms, [-1, 1])
    other = stats.ttest_rel(second, first)
    ends = other.confidence_interval()
    assert (found.low, found.high, found.p_value) == pytest.approx((ends.low, ends.high, other.pvalue))


def test_arms_of_unequal_noise_have_fewer_degrees_of_freedom():
    quiet, loud = np.array([0.0, 1.0, 2.0]), np.array([0.0, 100.0, 200.0])
    arms = [Arm(values, np.tile(values[:, None], (1, 30))) for values in (quiet, loud)]
    assert contrast(arms, [-1, 1]).freedom == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("change", [0.0, 5e-17])
def test_runs_that_agree_but_for_rounding_have_no_difference(change):
    parts = np.tile(np.linspace(0, 1, 30), (3, 1))
    one, other = Arm(parts.mean(axis=1), parts), Arm(parts.mean(axis=1) + change, parts + change)
    found = contrast([one, other], [-1, 1])
    assert found.p_value == 1.0
    assert found.value == pytest.approx(0, abs=1e-15)


def test_a_metric_that_is_not_a_mean_enters_with_its_jackknife():
    random = np.random.default_rng(2)
    written = random.integers(20, 60, (40, 1))
    found = (written * np.array([0.7, 0.5, 0.3, 0.2])).round()
    counts = np.hstack([found, written - np.arange(4), written, written]).astype(float)
    measure = Measure(tuple(map(str, range(40))), counts, lambda sums: bleu_of(sums)[..., 3], "ptb", None, {})
    own = arm([measure, measure])
    without_last = bleu_of(counts[:-1].sum(axis=0))[3]
    assert own.values[0] == measure.value
    assert own.parts[0, -1] == pytest.approx(40 * measure.value - 39 * without_last)
    plain = Measure(measure.videos, np.column_stack([found[:, 0], np.ones(40)]), mean, "ptb", None, {})
    assert arm([plain]).parts[0] == pytest.approx(found[:, 0])


def test_one_seed_or_one_video_is_refused():
    with pytest.raises(InputError, match="needs two seeds per variant and two videos"):
        contrast([Arm(np.zeros(1), np.zeros((1, 30)))], [1])
    with pytest.raises(InputError, match="needs two seeds per variant and two videos"):
        contrast([Arm(np.zeros(3), np.zeros((3, 1)))], [1])


@pytest.mark.parametrize(
    ("videos", "ratio", "apart"), [(20, 1.0, 0.0), (20, 1.0, 20.0), (60, 3.0, 0.0), (60, 0.1, 20.0)]
)
def test_the_interval_holds_the_truth_as_often_as_it_says(videos, ratio, apart):
    random = np.random.default_rng(3)
    held = by_videos = 0
    for _ in range(500):
        first, second = drawn(random, videos, 3, 11.4, ratio, apart, 32.0)
        found = contrast([first, second], [-1, 1])
        held += found.low <= 32 <= found.high
        gap = second.parts.mean(axis=0) - first.parts.mean(axis=0)
        by_videos += abs(gap.mean() - 32) <= 1.96 * gap.std() / videos**0.5
    assert held >= 0.92 * 500  # 95 % but for what 500 draws leave open
    assert by_videos < held
