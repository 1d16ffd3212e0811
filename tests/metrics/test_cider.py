"""CIDEr-D. Oracle: pycocoevalcap's Cider."""

import pytest

from vn.metrics.cider import cider, cider_segments


@pytest.mark.oracle
def test_equals_pycocoevalcap(any_corpus, pycocoevalcap):
    from pycocoevalcap.cider.cider import Cider

    theirs, segments = pycocoevalcap(Cider(), *any_corpus)
    assert cider(*any_corpus) == pytest.approx(float(theirs), abs=1e-9)
    assert cider_segments(*any_corpus) == pytest.approx(segments, abs=1e-9)


def test_empty_hypotheses_score_nothing_and_copies_ten(corpus):
    _, references = corpus(seed=3, vocabulary=60_000)
    references = [own for own in references if len(own[0]) >= 4]
    assert cider([[] for _ in references], references) == 0.0
    assert cider([own[0] for own in references], references) == pytest.approx(10.0)


def test_frequencies_come_from_all_references():
    """What every reference has is worth nothing, so that one segment alone gets 0."""
    a, b = ["x", "one", "two"], ["x", "three", "four"]
    assert cider([a], [[a]]) == 0.0
    assert cider([["x"], ["x"]], [[a], [b]]) == 0.0
