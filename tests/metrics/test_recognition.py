"""Error rates against every alignment, and matched cuts and clips against every matching."""

from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.metrics.recognition import (
    Compared,
    clip_of_each,
    clip_pairs,
    compare_units,
    matching_times,
    spoken_units,
)

UNITS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 1)), max_size=5)
TIMES = st.lists(st.integers(0, 20).map(lambda n: n / 10), max_size=5)


def by_hand(spoken, recognised):
    """The best of all alignments: every choice of as many places on both sides is put side by side, in order."""
    best = None
    for size in range(min(len(spoken), len(recognised)) + 1):
        for ours in combinations(range(len(spoken)), size):
            for theirs in combinations(range(len(recognised)), size):
                pairs = [(spoken[n], recognised[m]) for n, m in zip(ours, theirs, strict=True)]
                same = [(one, other) for one, other in pairs if one[0] == other[0]]
                edits = len(spoken) + len(recognised) - size - len(same)
                cost = (edits, -len(same), sum(one[1] != other[1] for one, other in same))
                best = cost if best is None else min(best, cost)
    return Compared(best[0], -best[1], best[2])


@given(UNITS, UNITS)
@settings(max_examples=100, deadline=None)
def test_units_are_aligned_as_by_trying_every_alignment(spoken, recognised):
    assert compare_units(spoken, recognised) == by_hand(spoken, recognised)


@given(UNITS, UNITS)
@settings(deadline=None)
def test_edits_are_those_of_another_library(spoken, recognised):
    distance = pytest.importorskip("rapidfuzz.distance.Levenshtein").distance
    ours, theirs = [[word for word, _ in units] for units in (spoken, recognised)]
    assert compare_units(spoken, recognised).edits == distance(ours, theirs)
    assert compare_units(recognised, spoken) == compare_units(spoken, recognised)


def units(*clips):
    return [(word, n) for n, text in enumerate(clips) for word in spoken_units(text, "en")]


def test_cases_by_hand():
    truth = units("Tired of cold tea?", "It boils in two minutes.")
    assert compare_units(truth, truth) == (0, 9, 0)
    assert compare_units(truth, units("tired of cold tea", "it boils in 2 minutes")) == (0, 9, 0)
    assert compare_units(truth, units("Tired of cold tea it", "boils in two minutes")) == (0, 9, 1)
    assert compare_units(truth, units("Tired of called tea", "It boils two minutes now")) == (3, 7, 0)
    assert compare_units(truth, []) == (9, 0, 0)
    assert compare_units([], truth) == (9, 0, 0)
    # "the" can be either: the one in its own clip is taken
    assert compare_units(units("", "the"), units("the", "the")) == (1, 1, 0)


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("en", "A 3-in-1 cup; it's steel, 19!", "a three in one cup it's steel nineteen"),
        (
            "en",
            "$10 off, 100 % cotton, 5% ($1,299)",
            "ten dollars off one hundred percent cotton five percent 1299 dollars",
        ),
        ("en", "ten dollars, five per cent, 20 per cent", "ten dollars five per cent twenty percent"),
        ("en", "20, 21, 300, 999, 1000 & 0", "twenty twenty one three hundred nine hundred ninety nine 1000 zero"),
        ("en", "USB_C № 7 ½", "usb c no seven one two"),
        ("zh", "一共10元，原价 1,050？", "一 共 十 元 原 价 一 千 零 五 十"),
        ("zh", "１２０个；2000克、305、12345", "一 百 二 十 个 二 千 克 三 百 零 五 1 2 3 4 5"),
        ("zh", "USB快充，两小时！", "u s b 快 充 二 小 时"),
        ("zh", "……", ""),
    ],
)
def test_units_as_they_are_spoken(language, text, wanted):
    assert spoken_units(text, language) == wanted.split()


VALUES = dict(zip("零一二三四五六七八九", range(10), strict=True))


def read_chinese(text):
    value, digit = 0, None
    for character in text:
        if character in VALUES:
            digit = VALUES[character]
        else:
            value, digit = value + (1 if digit is None else digit) * {"十": 10, "百": 100, "千": 1000}[character], 0
    return value + (digit or 0)


def test_chinese_numbers_read_back_and_are_all_different():
    spelled = ["".join(spoken_units(str(number), "zh")) for number in range(10_000)]
    assert [read_chinese(text) for text in spelled] == list(range(10_000))
    assert len(set(spelled)) == 10_000
    assert len({" ".join(spoken_units(str(number), "en")) for number in range(1000)}) == 1000


@given(TIMES, TIMES, st.sampled_from([0.0, 0.15, 0.5]))
@settings(deadline=None)
def test_times_are_matched_as_well_as_can_be(found, true, slack):
    few, many = sorted((found, true), key=len)
    best = max(
        sum(abs(one - other) <= slack for one, other in zip(few, order, strict=False)) for order in permutations(many)
    )
    assert matching_times(found, true, slack) == best


SPANS = st.lists(st.integers(0, 30), min_size=2, max_size=8, unique=True).map(
    lambda times: [(a / 2, b / 2) for a, b in zip(sorted(times), sorted(times)[1:], strict=False)]
)


@given(SPANS, SPANS)
@settings(deadline=None)
def test_clips_have_one_partner_each(found, true):
    pairs = clip_pairs(found, true)
    assert len(set(pairs.values())) == len(pairs)
    assert clip_pairs(true, found) == {m: n for n, m in sorted(pairs.items(), key=lambda pair: pair[1])}
    assert clip_pairs(true, true) == {n: n for n in range(len(true))}
    for n, m in pairs.items():
        assert clip_of_each(found, true)[m] == n


def test_half_an_overlap_is_not_enough():
    assert clip_pairs([(0.0, 1.0)], [(0.0, 2.0)]) == {}
    assert clip_pairs([(0.0, 1.01)], [(0.0, 2.0)]) == {0: 0}
    assert clip_of_each([(0.0, 1.0), (5.0, 6.0)], [(0.0, 2.0)]) == [0, -1]
    assert clip_pairs([], [(0.0, 2.0)]) == {}
