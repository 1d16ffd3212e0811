from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import InputError
from vn.metrics.repetition import intra_repetition, joined, story_repetition

CLIPS = st.lists(st.lists(st.sampled_from(["ab", "cd", "ef", "，"]), max_size=5), max_size=5)


@given(CLIPS)
def test_paper_is_a_share_and_follows_its_definition(clips):
    value = story_repetition(clips)
    shares = []
    for i, units in enumerate(clips[1:], 1):
        earlier = [unit for clip in clips[:i] for unit in clip]
        if units:
            shares.append(len([u for u in units if u in earlier]) / len(units))
    assert value == (pytest.approx(sum(shares) / len(shares)) if shares else None)
    assert value is None or 0 <= value <= 1


@given(CLIPS)
def test_released_counts_every_earlier_clip(clips):
    value = story_repetition(clips, "released")
    written = [joined(clip) for clip in clips]
    units = sum(len(clip) for clip in written)
    if len(clips) < 2 or not units:
        assert value is None
        return
    repeated = sum(w in earlier for i, clip in enumerate(written) for w in clip for earlier in written[:i])
    assert value == pytest.approx(repeated / units)


def test_released_may_exceed_one():
    assert story_repetition([["ab"]] * 4, "released") == 1.5
    assert story_repetition([["ab"]] * 4) == 1.0


@pytest.mark.parametrize(
    ("units", "done"),
    [
        (["喝起", "来"], ["喝起", "喝起来"]),  # behind the unit before it, which stays
        (["我", "们好"], ["我们好"]),  # nothing before it: joins the next
        (["我", "要"], ["我要"]),  # the next begins with it: it vanishes
        (["好看", "，", "很", "耐用"], ["好看", "，", "很耐用"]),  # not behind a stop
        (["好看", "，", "很"], ["好看", "，", "很"]),  # nothing next
        (["，", "。"], ["，", "。"]),
        ([], []),
    ],
)
def test_single_characters_join_as_in_the_released_evaluation(units, done):
    assert joined(units) == done


def test_stories_are_averaged_and_those_of_one_clip_left_out():
    assert intra_repetition([[["a"], ["a"]], [["a"], ["b"]], [["a"]]]) == 0.5
    assert intra_repetition([[["a"]], []]) is None
    with pytest.raises(InputError, match="'paper' or 'released'"):
        story_repetition([["a"], ["b"]], "other")  # type: ignore[arg-type]
