"""Numbers in texts: one number however it is written, and none that is changed goes unseen."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.text.amounts import changed, stated
from vn.annotate.text.spelling import spoken

SAME = {
    "en": [
        ("only $19 today", "only 19 dollars today", "only nineteen dollars today", "only nineteen bucks today"),
        ("$1,299.50", "1299.5 USD", "1,299.50 dollars"),
        ("50% off", "fifty percent off", "50 percent off"),
        ("a 2L bottle", "a two-litre bottle", "a 2 liter bottle"),
        ("125 grams", "a hundred and twenty-five grams", "one hundred twenty five g"),
        ("in 2026", "in twenty twenty six"),
        ("on May 5", "on May 5th"),
        ("2.5 kg", "two point five kilograms"),
        ("three for two", "3 for 2"),
    ],
    "zh": [
        ("只要9.9元", "只要九点九元", "只要九块九", "只要9块9", "只要９．９元", "只要¥9.9"),
        ("买2送一", "买两送一", "买二送1"),
        ("第2件半价", "第二件半价"),
        ("打五折", "打5折"),
        ("百分之五十", "50%"),
        ("12月25日", "十二月二十五号"),
        ("一万两千元", "12000元", "1.2万元"),
        ("六一八", "618"),
        ("一百零五克", "105g", "105克"),
        ("星期三", "周三"),
        ("九十九元九折", "99元9折"),
    ],
}


@pytest.mark.parametrize(("language", "ways"), [(x, ways) for x, each in SAME.items() for ways in each], ids=str)
def test_a_number_is_the_same_however_it_is_written(language, ways):
    numbers = [[each.number for each in stated(way, language)] for way in ways]
    assert numbers[0]
    assert all(each == numbers[0] for each in numbers)
    for way in ways[1:]:
        assert changed(ways[0], way, language) == ([], [])


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("en", "only $19 today", "only $90 today"),
        ("en", "only $19 today", "only 19 euros today"),
        ("en", "nineteen dollars", "ninety dollars"),
        ("en", "two litres", "two gallons of"),
        ("en", "three for two", "four for two"),
        ("en", "half price today", "full price today"),
        ("en", "until Monday", "until Sunday"),
        ("en", "buy one get one", "buy two get one"),
        ("en", "ready in 5 minutes", "ready in 5 hours"),
        ("zh", "只要9.9元", "只要19.9元"),
        ("zh", "只要九块九", "只要九块"),
        ("zh", "打八折", "打九折"),
        ("zh", "两瓶装", "三瓶装"),
        ("zh", "第二件半价", "第二件免费"),
        ("zh", "净重五百克", "净重五百毫升"),
        ("zh", "6月18日", "6月8日"),
        ("zh", "买一送一", "买二送一"),
    ],
)
def test_a_changed_number_or_unit_is_found(language, before, after):
    lost, new = changed(before, after, language)
    assert lost or new
    assert changed(after, before, language) == (new, lost)


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("en", "grab the yellow one", "grab the yellow mug"),
        ("en", "this is for you", "this is all you"),
        ("zh", "千万别等了", "快来别等了"),
        ("zh", "它十分好用", "它非常好用"),
        ("zh", "一起看看", "来看看"),
        ("zh", "四川特产", "当地特产"),
    ],
)
def test_words_that_count_nothing_may_come_and_go(language, before, after):
    assert changed(before, after, language) == ([], [])


@given(st.integers(0, 999_999), st.sampled_from(["en", "zh"]))
def test_figures_and_words_are_one_number(value, language):
    said = spoken(Decimal(value), language)
    unit, text = (" dollars", "for {} dollars") if language == "en" else ("元", "只要{}元")
    figures, words = (stated(text.format(each), language) for each in (value, said))
    assert [each.number for each in figures] == [each.number for each in words], (said, unit)
    assert figures[0].number.value == value


@given(st.integers(2, 99_999), st.integers(2, 99_999), st.sampled_from(["en", "zh"]))
def test_another_value_is_always_found(a, b, language):
    frame = "only {} dollars today" if language == "en" else "今天只要{}元"
    lost, new = changed(frame.format(a), frame.format(spoken(Decimal(b), language)), language)
    assert (not lost and not new) == (a == b)


@given(st.decimals("0.01", "9999.99", places=2), st.sampled_from(["en", "zh"]))
def test_decimals_are_read_whole(value, language):
    frame = "at ${} each" if language == "en" else "每个{}元"
    (found,) = stated(frame.format(value), language)
    assert found.number.value == value


@given(st.text(max_size=60), st.sampled_from(["en", "zh"]))
def test_any_text_is_read_and_agrees_with_itself(text, language):
    assert changed(text, text, language) == ([], [])
    assert all(each.start < each.end for each in stated(text, language))
