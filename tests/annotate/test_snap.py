"""Near misses of the product's facts become these facts; the rest stays as it is, character by character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.annotate.text.bounds import refusal
from vn.annotate.text.facts import Facts
from vn.annotate.text.snap import snapped
from vn.annotate.text.sound import has_pinyin

POINTS = (
    "brushed metal",
    "safe for pets",
    "a soft touch",
    "three for two",
    "one hand",
    "the museum medal",
    "made in Denmark",
)
EN = Facts("Aurora home premium", (("All", POINTS),), "en")
ZH = Facts(
    "恒暖家居优选系列",
    (("全部", ("拉丝金属", "异味难散", "更多闲暇", "第二件半价", "航空级铝材", "博物馆奖章")),),
    "zh",
)
pinyin = pytest.mark.skipif(not has_pinyin(), reason="needs pypinyin")


@pytest.mark.parametrize(
    ("recognised", "expected"),
    [
        ("The stand is brushed mettle, really.", "The stand is brushed metal, really."),
        ("It won the museum metal in June.", "It won the museum medal in June."),
        ("A soft tough for you", "A soft touch for you"),
        ("Get 3 for 2 only today", "Get three for two only today"),
        ("Meet the Aurora home premum now", "Meet the Aurora home premium now"),
        ("Brush metal everywhere", "Brushed metal everywhere"),
        ("maid in Denmark", "made in Denmark"),
    ],
)
def test_a_near_miss_becomes_the_fact(recognised, expected):
    assert snapped(recognised, EN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It is safe for kids.",
        "It is safe for your pets.",
        "grab the yellow one and go",
        "All one and the same",
        "two for one, four for two",
        "made in Germany",
        "brushed metal, safe for pets, a soft touch",
        "Buy two, get $5 off.",
        "",
    ],
)
def test_what_says_something_else_stays(text):
    assert snapped(text, EN) == text


def test_chinese_by_character():
    assert snapped("它拿到了博物馆奖张，真好", ZH) == "它拿到了博物馆奖章，真好"
    for text in ("第三件半价", "它好看又好用", "一件博物馆藏品", "现在第二件全价"):
        assert snapped(text, ZH) == text


@pinyin
@pytest.mark.parametrize(
    ("recognised", "expected"),
    [
        ("连底座都是拉斯基属,摸起来光滑", "连底座都是拉丝金属,摸起来光滑"),
        ("他为你带来更多鲜虾", "他为你带来更多闲暇"),
        ("还在忍受一味难散吗", "还在忍受异味难散吗"),
        ("我们选用了航空几律才", "我们选用了航空级铝材"),
        ("这款是横暖家居优选系列", "这款是恒暖家居优选系列"),
    ],
)
def test_chinese_by_sound(recognised, expected):
    assert snapped(recognised, ZH) == expected


letters = st.text(st.sampled_from("abcdefghij klmnop,.!3 9$的了不是金属馆奖"), max_size=60)


@given(letters, st.sampled_from([EN, ZH]))
def test_every_change_is_within_the_bounds_and_made_once(text, facts):
    found = snapped(text, facts)
    assert found == text or refusal(text, found, facts) is None
    assert snapped(text, Facts("", (), facts.language)) == text


@given(st.permutations(POINTS), st.integers(0, 7))
def test_facts_themselves_stay(points, count):
    text = ". ".join(points[:count])
    assert snapped(text, EN) == text
