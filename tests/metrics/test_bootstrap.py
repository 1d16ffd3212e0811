"""Intervals and paired differences. Oracle: the metrics themselves on resampled corpora."""

from __future__ import annotations

import numpy as np
import pytest

from vn.errors import InputError
from vn.metrics import bootstrap
from vn.metrics.bleu import bleu, bleu_of, bleu_statistics
from vn.metrics.bootstrap import difference, interval, mean, resampled
from vn.metrics.meteor import meteor, meteor_of, meteor_statistics

VIDEOS, CLIPS = 12, 4


def by_video(rows):
    return rows.reshape(VIDEOS, CLIPS, -1).sum(axis=1)


@pytest.mark.parametrize(
    ("statistics", "finish", "metric"),
    [
        (bleu_statistics, lambda sums: bleu_of(sums)[..., 3], lambda h, r: bleu(h, r)[3]),
        (meteor_statistics, meteor_of, meteor),
    ],
    ids=["bleu_4", "meteor"],
)
def test_interval_is_that_of_scoring_each_resample_anew(corpus, statistics, finish, metric):
    hypotheses, references = corpus(seed=5, segments=VIDEOS * CLIPS)
    sums = by_video(statistics(hypotheses, references))
    scores = []
    for times in np.random.default_rng(3).multinomial(VIDEOS, np.full(VIDEOS, 1 / VIDEOS), size=40):
        drawn = [v * CLIPS + c for v in np.repeat(np.arange(VIDEOS), times) for c in range(CLIPS)]
        scores.append(metric([hypotheses[i] for i in drawn], [references[i] for i in drawn]))
    assert interval(sums, finish, seed=3, resamples=40) == pytest.approx(np.quantile(scores, [0.025, 0.975]), abs=1e-9)


def test_interval_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(size=400)
    low, high = interval(np.column_stack([values, np.ones(400)]), mean, resamples=4000)
    assert (low, high) == pytest.approx((values.mean() - 1.96 * 0.05, values.mean() + 1.96 * 0.05), abs=0.02)


def test_seed_decides():
    sums = np.column_stack([np.arange(20.0), np.ones(20)])
    assert interval(sums, mean, seed=1) == interval(sums, mean, seed=1) != interval(sums, mean, seed=2)


def test_one_video_has_no_interval():
    assert interval(np.array([[1.0, 2.0]]), mean) is None


def test_pairing_takes_out_what_videos_share():
    rng = np.random.default_rng(0)
    hard = rng.normal(scale=10, size=50)
    first = np.column_stack([hard, np.ones(50)])
    second = first + np.column_stack([rng.normal(0.5, 0.1, 50), np.zeros(50)])
    value, low, high, p_value = difference(first, second, mean)
    assert 0.4 < low < value < high < 0.6
    assert p_value == pytest.approx(2 / 1001)
    assert difference(first, first, mean) == (0, 0, 0, 1)
    back = difference(second, first, mean)
    assert back.value == pytest.approx(-value)
    assert (back.low, back.high) == pytest.approx((-high, -low))


def test_difference_needs_the_same_videos():
    with pytest.raises(InputError, match="got 2 and 3"):
        difference(np.ones((2, 2)), np.ones((3, 2)), mean)
    with pytest.raises(InputError, match="two videos or more"):
        difference(np.ones((1, 2)), np.ones((1, 2)), mean)


def by_definition(sums, seed, resamples):
    """The slow way: everything drawn again."""
    videos = len(sums)
    times = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=resamples)
    return times.astype(np.float64) @ sums


@pytest.fixture
def fresh(monkeypatch):
    """No draws are kept yet; counts how often they are made."""
    made = []
    draw = np.random.default_rng

    def counted(seed):
        made.append(seed)
        return draw(seed)

    monkeypatch.setattr(bootstrap, "_draws", bootstrap._Draws())
    bootstrap._times_drawn.cache_clear()
    monkeypatch.setattr(bootstrap.np.random, "default_rng", counted)
    yield made
    bootstrap._times_drawn.cache_clear()


@pytest.mark.parametrize("kept", [1 << 28, 10_000, 0], ids=["all", "some", "one"])
def test_kept_draws_have_the_same_bits(fresh, monkeypatch, kept):
    monkeypatch.setattr(bootstrap, "KEPT_BYTES", kept)
    rows = np.random.default_rng(9).normal(size=(700, 3))
    for videos in [*range(2, 60, 7), 700, *range(2, 60, 7), 2]:
        for seed, resamples in ((0, 40), (0, 90), (5, 40)):
            expected = by_definition(rows[:videos], seed, resamples)
            np.testing.assert_array_equal(resampled(rows[:videos], seed, resamples), expected)
    sizes = [each.nbytes for each in bootstrap._draws._kept.values()]
    assert len(sizes) == 1 or sum(sizes) <= kept


def test_all_metrics_of_all_parts_draw_once(fresh):
    for _ in range(5):
        for videos in range(2, 40):
            resampled(np.ones((videos, 2)), 0, 10)
    assert len(fresh) == 38
