"""Scores that are as influence assumes come back from a few orders, for sets of clips that were never read."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.order import influence as module
from vn.order.influence import Influence, ReadClip


def read(count, orders, label, narration):
    found = []
    for order in orders:
        for length in range(count):
            left = [clip for clip in range(count) if clip not in order[:length]]
            found += [ReadClip(order[:length], c, label(c, order[:length]), narration(c, order[:length])) for c in left]
    return found


@settings(max_examples=20)
@given(st.integers(3, 7), st.integers(0, 100))
def test_sums_over_the_clips_before_are_found_again(count, seed):
    rng = np.random.default_rng(seed)
    gains, own = rng.normal(size=(count, count)), rng.normal(size=count)

    def narration(clip, before):
        return own[clip] + sum(gains[clip, k] for k in before)

    orders = [tuple((first + n) % count for n in range(count)) for first in range(count)]  # each clip is first in one
    orders += [tuple(random.Random(seed).sample(range(count), count)) for _ in range(3)]
    scores = read(count, orders, lambda clip, before: 0.0, narration)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RIDGE", 1e-9)
        influence = Influence([1.0] * count, scores)
    for length in range(count):
        for before in itertools.combinations(range(count), length):
            found = influence.narration(before)
            for clip in set(range(count)) - set(before):
                assert found[clip] == pytest.approx(narration(clip, before), abs=1e-3)


def test_noise_shrinks_to_no_gain():
    rng = np.random.default_rng(0)
    orders = [tuple(rng.permutation(6).tolist()) for _ in range(6)]
    noise = {}

    def narration(clip, before):
        return noise.setdefault((clip, before), float(rng.normal())) - 2.0

    scores = read(6, orders, lambda clip, before: 0.0, narration)
    assert np.std([each.narration for each in scores]) > 0.8
    assert np.std(Influence([1.0] * 6, scores).gains) < 0.5


def test_a_label_that_fits_one_half_is_likely_there_alone():
    seconds = [2.0, 1.0, 3.0, 2.0, 2.0, 1.0, 3.0]
    total = sum(seconds)

    def label(clip, before):
        late = sum(seconds[k] for k in before) + seconds[clip] / 2 >= total / 2
        return -0.1 if late == (clip % 2 == 0) else -2.3

    rng = random.Random(0)
    orders = [tuple(rng.sample(range(7), 7)) for _ in range(7)]
    influence = Influence(seconds, read(7, orders, label, lambda clip, before: 0.0))
    for clip in range(7):
        others = [k for k in range(7) if k != clip]
        first, last = influence.label(clip, ()), influence.label(clip, others)
        assert (last > first) == (clip % 2 == 0)
        assert min(first, last) >= -2.3
        assert max(first, last) <= -0.1


def test_a_place_far_from_all_that_was_read_has_the_nearest_score():
    influence = Influence([1.0, 99.0], [ReadClip((), 0, -1.0, -2.0), ReadClip((), 1, -3.0, -4.0)])
    assert influence.label(0, (1,)) == -1.0
    assert influence.narration((1,))[0] == -2.0
