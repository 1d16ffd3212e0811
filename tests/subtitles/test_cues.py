import itertools
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.subtitles import line_breaks
from vn.subtitles.cues import LINE, LINES, UPRIGHT_LINE, cues, layout, srt, vtt
from vn.subtitles.line_breaks import CLOSING

relaxed = settings(deadline=None)  # the first text waits for jieba's dictionary
STOPS = "，。！？、；：,.!?;:）”"
LANGUAGES = st.sampled_from(["en", "zh"])
clip = st.tuples(st.floats(0.1, 9), st.text(alphabet="abc 好的，<&", max_size=200))
# Texts as they are: words, numbers and names, with punctuation between them and never two stops in a row.
chinese = st.sampled_from(
    ["手机壳", "这款", "全新升级", "打折", "现在下单", "只要", "很好", "保护", "的", "心爱", "材料", "做成", "喜欢"]
)
kept_whole = st.sampled_from(
    [
        "199.9元",
        "3-5天",
        "50%",
        "1,299.00元",
        "12小时",
        "￥99",
        "-18℃",
        "8:30",
        "2024年",
        "第3代",
        "500ml",
        "３９．９元",
        "三百九十九元",
        "iPhone",
        "Wi-Fi",
        "T-shirt",
    ]
)
stop = st.sampled_from(["", "", "", "，", "。", "！", "、"])
part = st.one_of(st.tuples(chinese, stop), st.tuples(kept_whole, st.sampled_from("的，。")))
english = st.lists(
    st.sampled_from(
        ["the", "kettle", "boils", "in", "3-5", "minutes,", "only", "199.9", "dollars!", "well-known", "50%", "off."]
    )
)


def bare(text):
    return re.sub(r"\s", "", text)


def lines_of(text, width):
    return list(itertools.chain(*layout(text, width, LINE["zh"])))


@relaxed
@given(st.lists(clip, max_size=8), LANGUAGES, st.booleans())
def test_subtitles_keep_all_words_never_overlap_and_can_be_read(clips, language, upright):
    at, timed = 0.0, []
    for duration, text in clips:
        timed.append((at, at + duration, text))
        at += duration
    out = cues(timed, language, upright)
    for (_, end, _), (start, _, _) in itertools.pairwise(out):
        assert end <= start
    assert all(1 <= len(lines) <= LINES for _, _, lines in out)
    width = (UPRIGHT_LINE if upright else LINE)[language]
    for lines in itertools.chain(*(lines for _, _, lines in out)):
        assert len(lines) <= width or (lines.isascii() and len(lines) <= LINE[language])
    assert bare("".join("".join(lines) for _, _, lines in out)) == bare("".join(t for _, _, t in timed))
    assert all(end - start > 1 - 1e-6 for start, end, _ in out)


@relaxed
@given(st.lists(st.tuples(st.floats(1, 9), st.sampled_from(["", "Tea.", "A cup of tea, a little cake."])), max_size=8))
def test_subtitles_have_the_time_of_their_clips(clips):
    at, timed = 0.0, []
    for duration, text in clips:
        timed.append((at, at + duration, text))
        at += duration
    assert [(a, b) for a, b, _ in cues(timed, "en")] == [(a, b) for a, b, text in timed if text]


@relaxed
@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0.1, 15)), max_size=10), st.booleans())
def test_clips_that_overlap_have_all_their_subtitles(times, upright):
    clips = [(start, start + seconds, f"Clip {n}.") for n, (start, seconds) in enumerate(times)]
    out = cues(clips, "en", upright)
    assert sorted(lines[0] for _, _, lines in out) == sorted(text for _, _, text in clips)
    starts = {text: start for start, _, text in clips}
    for n, (start, end, (text,)) in enumerate(out):
        assert end - start > 1 - 1e-6
        assert start >= starts[text]
        if start > starts[text]:  # only since the one before took its second
            assert out[n - 1][1] == start
        if n + 1 < len(out) and end - start > 1 + 1e-6:
            assert end <= starts[out[n + 1][2][0]] or end <= out[n + 1][0]


def test_a_subtitle_ends_where_the_next_clip_starts():
    assert [(a, b) for a, b, _ in cues([(0, 5, "one"), (4, 8, "two")], "en")] == [(0, 4), (4, 8)]
    inside = [(0, 10, "one"), (3, 4, "two"), (3.5, 9, "three"), (10, 12, "four")]
    assert [(a, b) for a, b, _ in cues(inside, "en")] == [(0, 3), (3, 4), (4, 9), (10, 12)]
    assert [(a, b) for a, b, _ in cues([(0, 10, "one"), (9.8, 10.2, "two")], "en")] == [(0, 9.8), (9.8, 10.8)]


def test_the_text_of_a_clip_is_shared_evenly():
    words = "the kettle boils your tea in less than a minute "
    for count in range(2, 8):
        out = cues([(0, 30, words * count)], "en")
        sizes = [sum(map(len, lines)) for _, _, lines in out]
        assert max(sizes) - min(sizes) < 30
        assert len(sizes) <= -(-len(words) * count // 70)
        for (start, end, _), size in zip(out, sizes, strict=True):
            assert end - start == pytest.approx(30 * size / sum(sizes), rel=1e-6)
    # One that would have half a second has a whole one.
    out = cues([(0, 2.2, "a" * 42 + " " + "b" * 42 + " c")], "en")
    assert all(end - start >= 1 - 1e-9 for start, end, _ in out)


@relaxed
@given(st.lists(part, min_size=1, max_size=30), st.booleans())
def test_chinese_lines_end_at_words_and_punctuation(parts, upright):
    text = "".join(word + stop for word, stop in parts)
    lines = lines_of(text, (UPRIGHT_LINE if upright else LINE)["zh"])
    assert "".join(lines) == text
    ends = set(itertools.accumulate(map(len, lines)))
    at = 0
    for word, stop in parts:
        if not re.fullmatch("[一-鿿]+", word) or word == "三百九十九元":
            assert not ends & set(range(at + 1, at + len(word))), (word, lines)
        at += len(word + stop)
    assert not any(line[0] in CLOSING - {"-"} for line in lines)


def test_a_line_may_begin_with_a_negative_number():
    assert lines_of("199.9元，-18℃，-18℃，-18℃的", LINE["zh"]) == ["199.9元，-18℃，", "-18℃，-18℃的"]


@relaxed
@given(english, st.booleans())
def test_english_lines_end_at_spaces(words, upright):
    text = " ".join(words)
    lines = lines_of(text, (UPRIGHT_LINE if upright else LINE)["en"]) if text else []
    assert " ".join(lines) == text


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("这一款手机壳采用全新升级的材料做成。", ["这一款手机壳采用全新升级的材料做成。"]),
        ("本店所有的手机壳全部打折现在下单只要199.9元。", ["本店所有的手机壳全部打折", "现在下单只要199.9元。"]),
        ("它还可以很好地保护您心爱的新手机iPhone的边角。", ["它还可以很好地保护您心爱的", "新手机iPhone的边角。"]),
        ("每天只要用它敷三分钟就够了吗？就是这么的简单！", ["每天只要用它敷三分钟就够了吗？", "就是这么的简单！"]),
    ],
)
def test_chinese_lines_are_balanced(text, lines):
    pytest.importorskip("jieba")
    assert lines_of(text, LINE["zh"]) == lines


def test_english_lines_are_balanced():
    text = "What are you waiting for? Grab the blue one with a gift."
    assert lines_of(text, LINE["en"]) == ["What are you waiting for?", "Grab the blue one with a gift."]
    assert lines_of("Is it good ? It is so very good that all of you ( yes ) want it .", 42)[-1].endswith("want it .")


def test_upright_pictures_have_shorter_lines():
    text = "本店所有的手机壳全部打折现在下单只要199.9元。"
    assert max(map(len, lines_of(text, LINE["zh"]))) > UPRIGHT_LINE["zh"]
    assert max(len(line) for _, _, lines in cues([(0, 9, text)], "zh", upright=True) for line in lines) <= 12


def test_without_jieba_lines_end_at_characters(monkeypatch):
    """The same rules for numbers, Latin words and punctuation."""
    monkeypatch.setitem(sys.modules, "jieba", None)
    line_breaks._cutter.cache_clear()
    try:
        lines = lines_of("本店手机壳全部打折，iPhone的也只要199.9元，3-5天就到，现在下单再减50%。", 12)
    finally:
        line_breaks._cutter.cache_clear()
    assert all(any(whole in line for line in lines) for whole in ("iPhone", "199.9元", "3-5天", "50%。"))
    assert not any(line[0] in STOPS for line in lines)


def test_a_word_longer_than_a_line_is_cut_and_nothing_lost():
    assert "".join(lines_of("x" * 95, 42)) == "x" * 95
    assert lines_of("好用Multifunctional好用", 12) == ["好用", "Multifunctional", "好用"]
    accents = "e\u0301" * 40
    assert not any(line.startswith("\u0301") for line in lines_of(accents, 20))


def test_the_formats():
    lines = cues([(0, 3661.5, "Tea & <cake>")], "en")
    assert srt(lines) == "1\n00:00:00,000 --> 01:01:01,500\nTea & <cake>\n\n"
    assert vtt(lines) == "WEBVTT\n\n00:00:00.000 --> 01:01:01.500\nTea &amp; &lt;cake&gt;\n\n"


def test_no_text_ends_a_subtitle_or_looks_like_a_time():
    out = cues([(0, 2, "From 1 --> 2\n\n\n00:01,\r\n\x0b\x00tea\u2028now"), (2, 3, " \u200d\n")], "en")
    text = srt(out)
    assert text.count("-->") == 1
    assert text.rstrip("\n").count("\n\n") == 0
    assert vtt(out).count("-->") == 1
    assert "00:01, tea now" in text


@relaxed
@given(st.text(max_size=60), LANGUAGES)
def test_any_text_can_be_a_subtitle(text, language):
    out = cues([(0, 4, text)], language)
    assert bool(out) <= bool(text.strip())
    assert all(line.strip() for _, _, lines in out for line in lines)
