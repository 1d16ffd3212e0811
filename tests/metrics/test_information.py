"""InfoSim and InfoDiverse. Oracle: their definition, and the released computation, in plain loops of float64."""

import numpy as np
import pytest

from vn.metrics.information import COVERED, info_sim, points_told, points_told_released

RNG = np.random.default_rng(1)


def units(count, width=4):
    vectors = RNG.normal(size=(count, width))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


@pytest.mark.oracle
def test_info_sim_equals_plain_loops():
    for words in (1, 2, 9):
        sentence, own, points = units(1)[0], units(words), units(6)
        best = max(dot(p, sentence) for p in points)
        mean = sum(max(dot(p, w) for p in points) for w in own) / words
        assert info_sim(sentence, own, points) == pytest.approx((best + mean) / 2, abs=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("width", [2, 3])
def test_points_told_equal_plain_loops(width):
    for _ in range(30):
        own, points = units(RNG.integers(1, 8), width), units(RNG.integers(1, 8), width)
        assert points_told(own, points) == sum(any(dot(p, u) > COVERED for u in own) for p in points)
        used = set()
        for point in points:
            cosines = [dot(point, u) for u in own]
            best = cosines.index(max(cosines))
            if cosines[best] > COVERED and best not in used:
                used.add(best)
        assert points_told_released(own, points) == len(used)


def test_nothing_told_and_nothing_known():
    nothing = np.zeros((0, 3))
    assert points_told(nothing, np.eye(3)) == points_told_released(np.eye(3), nothing) == 0
    assert points_told(np.zeros((2, 3)), np.eye(3)) == 0, "a zero vector is like nothing"
    assert info_sim(np.zeros(3), np.zeros((1, 3)), np.eye(3)) == 0.0
