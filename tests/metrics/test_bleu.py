"""BLEU. Oracle: pycocoevalcap's Bleu."""

import random

import pytest

from vn.errors import InputError
from vn.metrics.bleu import bleu


@pytest.mark.oracle
def test_equals_pycocoevalcap(any_corpus, pycocoevalcap):
    from pycocoevalcap.bleu.bleu import Bleu

    theirs, _ = pycocoevalcap(Bleu(4), *any_corpus)
    assert bleu(*any_corpus) == pytest.approx(theirs, abs=1e-12)


def test_only_empty_hypotheses_score_nothing():
    assert bleu([[], []], [[["a"]], [["b", "c"]]]) == (0.0, 0.0, 0.0, 0.0)


def test_a_copy_is_perfect_and_order_of_segments_does_not_matter(corpus):
    hypotheses, references = corpus(seed=7, length=30)
    long = [own for own in references if len(own[0]) >= 4]
    assert bleu([own[0] for own in long], long) == pytest.approx((1, 1, 1, 1), abs=1e-6)
    order = random.Random(0).sample(range(len(hypotheses)), len(hypotheses))
    shuffled = bleu([hypotheses[i] for i in order], [references[i] for i in order])
    assert shuffled == pytest.approx(bleu(hypotheses, references), abs=1e-12)


@pytest.mark.parametrize(
    ("hypotheses", "references", "message"),
    [
        ([], [], "nothing to score"),
        ([["a"]], [], "1 hypotheses, but 0"),
        ([["a"]], [[]], "segment 0: has no reference"),
        (["a"], [[["a"]]], "segment 0: expected lists of tokens"),
        ([["a"]], [["a"]], "segment 0: expected lists of tokens"),
    ],
)
def test_refuses_what_is_no_corpus(hypotheses, references, message):
    with pytest.raises(InputError, match=message):
        bleu(hypotheses, references)
