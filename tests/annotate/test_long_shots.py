"""Shots that are too long: split at pauses, on frames, without gaps, and none is too long or too short."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.long_shots import split_long

FRAME = 0.1
TIMES = [n * FRAME for n in range(6000)]


@given(
    st.lists(st.integers(1, 1500), min_size=1, max_size=4),
    st.lists(st.tuples(st.floats(0, 599), st.floats(0.01, 40)), max_size=12),
    st.sampled_from([(30.0, 1.0), (10.0, 5.0), (4.0, 0.5)]),
)
def test_parts_cover_the_shots_and_have_the_right_lengths(lengths, speech, bounds):
    longest, shortest = bounds
    ends = [sum(lengths[: i + 1]) * FRAME for i in range(len(lengths))]
    clips = [(round(a, 3), round(b, 3)) for a, b in pairwise([0, *ends])]
    voice = []
    for start, length in sorted(speech):
        if not voice or start > voice[-1][1]:
            voice.append((start, start + length))
    parts = split_long(clips, voice, TIMES, longest, shortest)
    assert (parts[0][0], parts[-1][1]) == (clips[0][0], clips[-1][1])
    assert all(one[1] == other[0] for one, other in pairwise(parts))
    cuts = {start for start, _ in parts}
    assert {start for start, _ in clips} <= cuts
    assert all(math.isclose(start / FRAME, round(start / FRAME), abs_tol=1e-6) for start in cuts)
    untouched = set(clips)
    for start, end in parts:
        assert end - start <= longest + 2 * FRAME
        assert (start, end) in untouched or end - start >= shortest - 2 * FRAME


def test_the_longest_pause_near_the_middle():
    voice = [(0, 3), (6, 15), (16, 18), (20, 40)]  # 3 to 6 s is longer, and too close to the beginning
    assert split_long([(0, 40)], voice, TIMES, 30, 1) == [(0, 19), (19, 40)]


def test_without_a_pause_there_are_even_parts():
    for voice in ([], [(0, 70)]):
        assert split_long([(0, 70)], voice, TIMES, 30, 1) == [(0, 23.3), (23.3, 46.7), (46.7, 70)]


def test_a_middle_without_speech_is_a_pause():
    assert split_long([(0, 40)], [(0, 5), (35, 40)], TIMES, 30, 1) == [(0, 20), (20, 40)]


def test_what_is_not_too_long_stays_as_it_is():
    assert split_long([(0, 30), (30, 45)], [(1, 2), (3, 4)], TIMES, 30, 1) == [(0, 30), (30, 45)]
