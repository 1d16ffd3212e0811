import math

from hypothesis import given
from hypothesis import strategies as st

from vn.story import Clip, WordRange, WordRangeRule
from vn.voice.word_range import SpokenRange, bounded

RANGES = st.tuples(st.integers(1, 60), st.integers(0, 20)).map(lambda x: WordRange(x[0], x[0] + x[1]))
CLIPS = st.tuples(st.floats(0, 500), st.floats(0.1, 60)).map(lambda x: Clip(x[0], x[0] + x[1]))


@given(RANGES, st.integers(-3, 100))
def test_a_bound_lowers_the_high_end_and_the_low_end_only_if_it_must(words, high):
    new = bounded(words, high)
    assert 1 <= new.low <= new.high <= words.high
    assert new.low <= words.low
    if high >= words.high:
        assert new == words
    else:
        assert new.high == max(1, high)
    half = (words.high - words.low) // 2
    assert new.low == words.low or new.high - new.low <= half  # lowered only to keep half of the width


@given(CLIPS, st.sampled_from(["en", "zh"]), st.floats(0.5, 12))
def test_the_voice_bounds_a_rules_ranges(clip, language, pace):
    rule = WordRangeRule()
    words, spoken = (each.range_of(clip, language) for each in (rule, SpokenRange(units_per_second=pace)))
    can_say = clip.duration * pace
    if can_say >= words.high:
        assert spoken == words  # a voice that is faster than the rule changes nothing
    else:
        assert spoken.high == max(1, math.floor(can_say + 1e-9))


def test_without_a_voice_it_is_the_rule():
    clip = Clip(0, 4)
    assert SpokenRange().range_of(clip, "zh") == WordRangeRule().range_of(clip, "zh") == WordRange(17, 23)
    assert SpokenRange(units_per_second=5.05).range_of(clip, "zh") == WordRange(17, 20)
    assert SpokenRange(units_per_second=3.8).range_of(clip, "zh") == WordRange(12, 15)
    assert SpokenRange("duration", 5.0, 1, 3.8).range_of(clip, "zh") == WordRange(14, 15)
