"""What a correction may do: repair what was recognised. The rest is refused, with its kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.text.bounds import FURTHEST, refusal
from vn.annotate.text.facts import Facts

EN = Facts(
    "Aurora kettle 15", (("Material", ("brushed metal", "oak wood")), ("Offer", ("$15 off", "three for two"))), "en"
)
ZH = Facts("恒暖水壶", (("材质", ("拉丝金属",)), ("优惠", ("立减四十元", "19.9元"))), "zh")


def kind(before, after, facts):
    found = refusal(before, after, facts)
    return found and found.kind


@pytest.mark.parametrize(
    ("facts", "before", "after"),
    [
        (EN, "The Aurora cattle is brush metal.", "The Aurora kettle is brushed metal."),
        (EN, "Now with 3 for 2.", "Now with three for two."),
        (EN, "Now $50 off the kettle", "Now $15 off the kettle"),  # fifteen, as a fact states it
        (EN, "buy it now", "buy it now!"),
        (EN, "you get tree for two on kettles", "you get three for two on kettles"),
        (EN, "", ""),
        (ZH, "这水壶是拉斯基属", "这水壶是拉丝金属"),
        (ZH, "现在立减十四元", "现在立减四十元"),
        (ZH, "两瓶只要19.9元", "2瓶只要十九块九"),
    ],
)
def test_what_may_be_corrected(facts, before, after):
    assert refusal(before, after, facts) is None


@pytest.mark.parametrize(
    ("facts", "before", "after", "expected"),
    [
        (EN, "Made from oak wood.", "  ", "empty"),
        (EN, "Made from oak wood.", "...", "empty"),
        (EN, "Made from oak wood.", "橡木制成。", "language"),
        (ZH, "橡木制成", "Made from oak wood", "language"),
        (EN, "It costs $19 today", "It costs $9 today", "number"),
        (EN, "It costs $9 today", "It costs $15 today", "number"),  # a fact, but nothing that sounds like it
        (EN, "It costs $19 today", "It costs today", "number"),
        (EN, "It boils in two minutes", "It boils in two hours", "number"),
        (EN, "It boils a litre", "It boils a litre in 3 minutes", "number"),
        (ZH, "只要九块九", "只要八块八", "number"),
        (ZH, "立减三元", "立减四十元", "number"),
        (ZH, "打八折", "打九折", "number"),
        (EN, "we sell good kettles", "we sell good kettles at www.evil.example", "contact"),
        (EN, "we sell good kettles", "we sell good kettles, wechat evil_shop", "contact"),
        (EN, "Made from oak wood.", "This kettle will change the way you think about mornings.", "far"),
        (ZH, "这水壶真好看", "快来抢购我们全新的锅具吧朋友们", "far"),
    ],
)
def test_what_is_refused(facts, before, after, expected):
    assert kind(before, after, facts) == expected


def test_how_far_is_a_setting():
    before, after = "one two red blue", "one two green yellow"
    assert refusal(before, after, EN, 0.5) is None
    assert refusal(before, after, EN, 0.4).kind == "far"
    assert 0 < FURTHEST < 1


UNITS = ("the", "kettle", "is", "warm", "metal", "wood", "two", "three", "9", "$19", "fine", "day")
words = st.lists(st.sampled_from(UNITS), max_size=9).map(" ".join)


@given(words, words)
def test_nothing_that_passes_changes_a_number(before, after):
    plain = Facts("", (), "en")
    if refusal(before, after, plain) is None:
        kept = [[word for word in text.split() if word in ("two", "three", "9", "$19")] for text in (before, after)]
        assert sorted(kept[0]) == sorted(kept[1])


@given(words, st.sampled_from([".", "!", ",", ""]))
def test_case_width_and_punctuation_are_free(text, sign):
    assert refusal(text, text.upper() + sign, EN) is None


def test_the_words_of_a_refusal_name_the_number():
    assert "19" in refusal("It costs $15", "It costs $19", Facts("", (), "en")).why
    assert "leaves out 15" in refusal("It costs $15 now", "It costs now", EN).why
