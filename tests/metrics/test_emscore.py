"""EMScore. Oracle: its definition, and the released computation, in plain loops of float64."""

import math

import numpy as np
import pytest

from vn.errors import InputError
from vn.metrics.emscore import emscore, emscore_text, evenly, fine

RNG = np.random.default_rng(0)


def units(count):
    vectors = RNG.normal(size=(count, 6))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def dot(a, b):
    return sum(float(x) * float(y) for x, y in zip(a, b, strict=True))


def loop_fine(words, others, variant):
    precision = sum(max(dot(w, o) for o in others) for w in words)
    if variant == "paper":
        precision /= len(words)
    recall = sum(max(dot(w, o) for w in words) for o in others) / len(others)
    return 2 * precision * recall / (precision + recall)


def loop_emscore(sentence, words, frames, variant):
    mean = [sum(float(f[d]) for f in frames) / len(frames) for d in range(len(sentence))]
    length = math.sqrt(sum(x * x for x in mean))
    coarse = dot(sentence, [x / length for x in mean])
    return (coarse + loop_fine(words, frames, variant)) / 2


@pytest.mark.oracle
@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("words", [1, 3, 12])
def test_equals_plain_loops(variant, words):
    sentence, own, frames = units(1)[0], units(words), units(5)
    assert emscore(sentence, own, frames, variant) == pytest.approx(
        loop_emscore(sentence, own, frames, variant), abs=1e-6
    )
    reference, wanted = units(1)[0], units(4)
    expected = (dot(sentence, reference) + loop_fine(own, wanted, variant)) / 2
    assert emscore_text(sentence, own, reference, wanted, variant) == pytest.approx(expected, abs=1e-9)


def test_released_precision_is_a_sum_so_longer_texts_score_higher():
    word = np.eye(3)[:1]
    assert fine(np.repeat(word, 4, axis=0), word, "released") == pytest.approx(2 * 4 * 1 / 5)
    assert fine(np.repeat(word, 4, axis=0), word, "paper") == pytest.approx(1.0)


def test_zero_vectors_give_a_number():
    nothing = np.zeros((2, 3))
    assert emscore(nothing[0], nothing, nothing) == 0.0
    assert emscore(np.eye(3)[0], np.eye(3), nothing) == 0.0
    assert emscore_text(nothing[0], nothing, nothing[0], np.eye(3)) == 0.0


def test_at_most_ten_frames_evenly():
    assert evenly(3).tolist() == [0, 1, 2]
    assert evenly(100).tolist() == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]


def test_unknown_variant():
    with pytest.raises(InputError, match="'paper' or 'released'"):
        fine(np.eye(2), np.eye(2), "other")  # type: ignore[arg-type]
