"""Personal data in speech is found, written or spoken; prices, dates, sizes and counts are none."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vn.annotate.text.private import new_contacts, private, private_marks

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
mobiles = st.from_regex(re.compile(r"1[3-9][0-9]{9}"), fullmatch=True)
FRAMES = ("订货请打{}，谢谢", "call {} today", "{}", "我的号码是{}哦")


def kinds(text):
    return {each.kind for each in private(text)}


@pytest.mark.parametrize("frame", FRAMES)
@given(number=mobiles, style=st.integers(0, 5))
def test_a_mobile_number_is_found_however_it_is_given(frame, number, style):
    groups = [number[:3], number[3:7], number[7:]]
    ways = [
        number,
        "-".join(groups),
        " ".join(groups),
        "".join("零一二三四五六七八九"[int(digit)] for digit in number),
        "".join("零幺二三四五六七八九"[int(digit)] for digit in number),
        "+86 " + " ".join(groups),
    ]
    assert "telephone number" in kinds(frame.format(ways[style])), frame.format(ways[style])


@given(st.lists(st.integers(0, 9), min_size=7, max_size=12))
def test_digits_that_are_spoken_one_by_one_are_a_number_unless_they_count(digits):
    text = f"please call {' '.join(WORDS[digit] for digit in digits)} now"
    counts = "".join(map(str, digits)) in "1234567890123456789"
    assert ("telephone number" in kinds(text)) == (not counts)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to shop@example.com", "e-mail address"),
        ("write to kettle.shop at example dot com", "e-mail address"),
        ("follow @aurora_home for more", "handle"),
        ("加微信 kettle_88 领券", "account"),
        ("加我微信号：abc12345", "account"),
        ("VX：kettle2026", "account"),
        ("加V信kettle88", "account"),
        ("我的QQ是12345678", "account"),
        ("扣扣群一二三五六七八九", "account"),
        ("WeChat: kettle88", "account"),
        ("my telegram is kettle_shop", "account"),
        ("plus four four seven seven double zero nine zero zero one two three", "telephone number"),
        ("+44 7700 900123", "telephone number"),
        ("+1 (415) 555-0132", "telephone number"),
        ("call (415) 555-0132", "telephone number"),
        ("call 415-555-0132", "telephone number"),
        ("座机 010-62345678", "telephone number"),
        ("热线 400-820-8820", "telephone number"),
        ("热线8208820", "telephone number"),
        ("five five five, zero one three two", "telephone number"),
        ("ＶＸ：ｋｅｔｔｌｅ２０２６", "account"),
        ("１３８００１３８０００", "telephone number"),
    ],
)
def test_it_is_found(text, kind):
    assert kind in kinds(text), private(text)


@pytest.mark.parametrize(
    "text",
    [
        "now $1,999.00 instead of $2,499.99",
        "只要1999元，原价2999元",
        "只要一千九百九十九元",
        "九九八，只要九九八",
        "from 2026-11-28 to 2026-12-31",
        "2026年11月28日 20:30",
        "双十一，六一八",
        "1920x1080 pixels, 60 x 40 x 20 cm",
        "12000 毫安，500毫升，2.5公斤",
        "one, two, three, go",
        "count one two three four five six seven",
        "一二三四五六七，多去户外找野趣",
        "three for two, two for one",
        "use it 24/7, 365 days",
        "meet us at noon at home",
        "微信支付立减五元",
        "扫微信二维码",
        "wechat pay works too",
        "100 200 300 400",
        "a 5-in-1 tool for 4 people @ home",
        "model X200-4000 with 16GB",
        "满199减100，满299减150",
    ],
)
def test_prices_dates_sizes_and_counts_are_not(text):
    assert private(text) == []


@given(st.integers(1, 9_999_999), st.sampled_from(["${}", "{}元", "¥{}", "{} dollars", "{}毫升", "{} g", "满{}减5"]))
@example(1380013, "{}元")
def test_no_amount_is_private(amount, frame):
    assert private(frame.format(amount)) == []
    assert private(frame.format(f"{amount:,}")) == []


@given(st.dates(), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%d.%m.%Y", "%Y%m%d"]))
def test_no_date_is_private(date, form):
    assert private(f"until {date.strftime(form)}") == []


@given(st.text(max_size=80))
def test_any_text_is_read(text):
    private(text)
    assert new_contacts(text, text) == []


def test_a_mark_names_the_clip_and_repeats_nothing():
    marks = private_marks(["fine", None, "call 13800138000", "mail shop@example.com or @shop"])
    assert [(mark.clip, mark.kind) for mark in marks] == [(2, "private"), (3, "private")]
    assert not any("138" in mark.why or "shop" in mark.why for mark in marks)


def test_what_a_correction_adds_is_named():
    assert new_contacts("buy now", "buy now at www.evil.example/x")
    assert new_contacts("buy now", "buy now, wechat: evil_shop")
    assert not new_contacts("call 138 0013 8000", "please call 138 0013 8000")
