"""Clips that overlap: what each choice keeps, cuts and refuses."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import Findings, InputError
from vn.overlap import ROUNDING, SHORTEST, settle

ROLLING = [(0.0, 3.1), (1.9, 4.5), (3.1, 6.0)]  # captions that roll on: each is still there when the next comes


def go(spans, overlap):
    findings = Findings()
    found = settle(spans, overlap, findings, file="f", sample="s", field=lambda i, part: f"[{i}]{part}")
    return found, findings.lines


def test_kept_overlaps_are_told_one_by_one():
    (spans, longest), lines = go(ROLLING, "keep")
    assert (spans, longest) == (ROLLING, 1.4)
    assert lines == ["f: s: [1]: starts 1.2 s before clip 0 ends", "f: s: [2]: starts 1.4 s before clip 1 ends"]


def test_trimmed_clips_end_where_the_next_one_starts():
    assert go(ROLLING, "trim") == (([(0.0, 1.9), (1.9, 3.1), (3.1, 6.0)], 1.4), [])


def test_a_refusal_names_the_way_out():
    with pytest.raises(
        InputError, match=r"f: s: \[1\]start: starts 1.2 s before clip 0 ends; --overlap trim .*--overlap"
    ):
        go(ROLLING, "refuse")


def test_an_overlap_of_a_second_is_rounding_and_not_refused():
    spans = [(0.0, 4.0), (3.0, 6.0)]
    assert go(spans, "refuse") == ((spans, 1.0), ["f: s: [1]: starts 1 s before clip 0 ends"])
    assert go(spans, "trim")[0][0] == [(0.0, 3.0), (3.0, 6.0)]


def test_a_clip_within_another_hides_no_later_overlap():
    spans = [(0.0, 10.0), (2.0, 4.0), (5.0, 8.0), (10.0, 12.0)]
    _, lines = go(spans, "keep")
    assert lines == ["f: s: [1]: starts 8 s before clip 0 ends", "f: s: [2]: starts 5 s before clip 0 ends"]
    with pytest.raises(InputError):
        go([(0.0, 10.0), (9.5, 9.8), (5.0, 8.0)], "refuse")
    assert go(spans, "trim")[0][0] == [(0.0, 2.0), (2.0, 4.0), (5.0, 8.0), (10.0, 12.0)]


@pytest.mark.parametrize(("following", "left"), [(0.4, "only 0.4 s"), (0.0, "nothing"), (-2.0, "nothing")])
def test_too_little_left_of_a_trimmed_clip(following, left):
    with pytest.raises(InputError, match=rf"f: s: \[0\]end: --overlap trim would leave {left} of 0 to 3 s"):
        go([(0.0, 3.0), (following, 5.0)], "trim")
    assert go([(0.0, 0.3), (0.3, 5.0)], "trim")[0][0] == [(0.0, 0.3), (0.3, 5.0)], "short, but not by trimming"


SPANS = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), min_size=1, max_size=8).map(
    lambda pairs: [(start / 10, (start + length) / 10) for start, length in sorted(pairs)]
)


@given(SPANS)
def test_no_choice_leaves_what_it_does_not_allow(spans):
    def worst(clips):
        return max((a[1] - b[0] for i, b in enumerate(clips) for a in clips[:i]), default=0.0)

    assert go(spans, "keep")[0][0] == spans
    try:
        (trimmed, _), _ = go(spans, "trim")
    except InputError:
        assert any(b[0] - a[0] < SHORTEST for a, b in pairwise(spans))
    else:
        assert worst(trimmed) <= 1e-9
        assert [start for start, _ in trimmed] == [start for start, _ in spans]
        assert all(end <= was for (_, end), (_, was) in zip(trimmed, spans, strict=True))
    try:
        go(spans, "refuse")
    except InputError:
        assert worst(spans) > ROUNDING
    else:
        assert worst(spans) <= ROUNDING + 1e-6
