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


WORDS = st.lists(st.sampled_from(["好看", "耐用", "很", "好", "a", " ", "！", "，", "。", "很好", "a1"]), max_size=8)


def slowly_joined(words):
    """The released computation's two steps one after the other, on a list that changes."""
    done = list(words)
    for i in reversed(range(1, len(done))):
        if len(done[i]) == 1 and done[i] not in "，。" and done[i - 1] not in "，。":
            done[i] = done[i - 1] + done[i]
    units = []
    while done:
        word = done.pop(0)
        if len(word) > 1:
            units.append(word)
        elif word not in "，。" and done and done[0][0] != word:
            units.append(word + done[0])
    return units


@given(WORDS)
def test_units_are_those_of_the_two_steps(words):
    assert joined(words) == slowly_joined(words)
    assert all(len(unit) > 1 for unit in joined(words))


@given(st.lists(WORDS, max_size=5))
def test_released_counts_every_earlier_clip(clips):
    value = story_repetition(clips, "released")
    written = [units for clip in clips if (units := joined(clip))]
    if len(written) < 2:
        assert value is None
        return
    repeated = sum(w in earlier for i, clip in enumerate(written) for w in clip for earlier in written[:i])
    assert value == pytest.approx(repeated / sum(map(len, written)))


def test_released_may_exceed_one():
    assert story_repetition([["ab"]] * 4, "released") == 1.5
    assert story_repetition([["ab"]] * 4) == 1.0


@pytest.mark.parametrize(
    ("words", "units"),
    [
        (["好看", "，", "耐用", "。"], ["好看", "耐用"]),  # ， and 。 are no units
        (["喝", "起来", "，", "很", "好", "吃"], ["喝起来", "起来", "很好", "好吃"]),
        (["喝", "起来", "，", "很", "好吃", "。"], ["喝起来", "起来", "很好吃", "好吃"]),
        (["a1", "b", "c"], ["a1", "a1b", "bc"]),
        (["杯子", "又", "轻", "又", "稳", "。"], ["杯子", "杯子又", "又轻", "轻又", "又稳"]),
        (["又", "稳", "。"], ["又稳"]),  # what follows begins with it: it vanishes
        (["我", "我们"], ["我们"]),
        (["耐用", " ", "轻便", "。"], ["耐用", "耐用 ", "轻便"]),  # a space is a character
        ([" ", "耐用"], [" 耐用", "耐用"]),
        (["好看", "！", "耐用"], ["好看", "好看！", "耐用"]),  # so is other punctuation
        (["好", "，", "耐用"], ["好，", "耐用"]),  # in front of a stop
        (["好看", "。", "棒", "。"], ["好看", "棒。"]),
        (["好看", "，", "很"], ["好看"]),  # nothing follows
        (["很"], []),
        (["，", "。"], []),
        ([], []),
    ],
)
def test_single_characters_join_as_in_the_released_evaluation(words, units):
    assert joined(words) == units


def test_stories_are_averaged_and_those_of_one_clip_left_out():
    assert intra_repetition([[["a"], ["a"]], [["a"], ["b"]], [["a"]]]) == 0.5
    assert intra_repetition([[["a"]], []]) is None
    with pytest.raises(InputError, match="'paper' or 'released'"):
        story_repetition([["a"], ["b"]], "other")  # type: ignore[arg-type]
