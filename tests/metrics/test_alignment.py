"""METEOR's alignment. Oracle here: all alignments of short texts; the jar is in test_meteor.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from vn.metrics.alignment import align

WORDS = st.lists(st.sampled_from("abcd"), max_size=6)


def all_alignments(hypothesis: list[str], reference: list[str], j: int = 0) -> Iterator[dict[int, int]]:
    """Every way to pair equal words one to one, as {place in the reference: place in the hypothesis}."""
    if j == len(reference):
        yield {}
        return
    for rest in all_alignments(hypothesis, reference, j + 1):
        yield rest
        for i, word in enumerate(hypothesis):
            if word == reference[j] and i not in rest.values():
                yield {j: i, **rest}


def chunks_of(pairs: dict[int, int]) -> int:
    return sum(not (j - 1 in pairs and pairs[j - 1] == i - 1) for j, i in pairs.items())


@given(WORDS, WORDS)
@settings(deadline=None, max_examples=150)
def test_a_wide_beam_finds_most_matches_then_fewest_chunks(hypothesis, reference):
    best = min((-len(pairs), chunks_of(pairs)) for pairs in all_alignments(hypothesis, reference))
    found = align(hypothesis, reference, beam=10**6)
    assert (-len(found.matched), found.chunks) == best


@given(WORDS, WORDS)
@settings(deadline=None)
def test_matches_are_shared_words(hypothesis, reference):
    found = align(hypothesis, reference)
    assert not Counter(found.matched) - (Counter(hypothesis) & Counter(reference))
    assert (found.chunks == 0) == (not found.matched)
    assert found.chunks <= len(found.matched)


@given(st.lists(st.text("abc", min_size=1), min_size=1, max_size=30))
@settings(deadline=None)
def test_a_copy_is_one_chunk(words):
    assert align(words, words) == (tuple(words), 1)
