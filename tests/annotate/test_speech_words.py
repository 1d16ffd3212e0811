"""Pieces of a recogniser to words, texts and clips."""

import itertools
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vn.annotate.results import Word
from vn.annotate.speech.chinese import simplified
from vn.annotate.speech.clips import ACROSS, place
from vn.annotate.speech.join import chinese_punctuation, join, through, whole_words
from vn.annotate.speech.loops import loops
from vn.annotate.speech.recogniser import TimedWord
from vn.annotate.speech.script import languages_of
from vn.annotate.speech.spread import pieces, spread

MIXED = st.text(alphabet="支持充电元 USBiPhone0123456789.,?!-$%，。", max_size=30)


def timed(*texts):
    return [TimedWord(text, n, n + 0.5) for n, text in enumerate(texts)]


def texts(words):
    return [word.text for word in words]


@pytest.mark.parametrize(
    ("given_pieces", "wanted"),
    [
        ([" Cold", " tea", " again?"], "Cold tea again?"),
        ([" A", " state", "-of", "-the", "-art", " kettle", "."], "A state-of-the-art kettle."),
        (["支持", " i", "Phone", "15", " Pro", "，", "只要", "3", "99", "元"], "支持iPhone15 Pro，只要399元"),
        (["约", "1.", "5", "升,", "好,", "USB", "充电"], "约1.5升,好,USB充电"),
        ([" $", "199", " only"], "$199 only"),
        ([" ", "", " tea "], "tea"),
        (["，", "好"], "，好"),
    ],
)
def test_pieces_become_words_and_words_a_text(given_pieces, wanted):
    assert join(texts(whole_words(timed(*given_pieces)))) == wanted


def test_a_word_of_pieces_has_their_time():
    (word,) = whole_words([TimedWord(" i", 1.0, 1.2), TimedWord("Phone", 1.2, 1.6)])
    assert word == TimedWord("iPhone", 1.0, 1.6)


@given(st.lists(MIXED, max_size=12))
def test_no_character_is_lost(parts):
    words = whole_words(timed(*parts))
    plain = "".join(texts(words)).replace(" ", "")
    assert plain == re.sub(r"\s", "", "".join(parts))
    assert all(word.text == word.text.strip() and word.text for word in words)


@pytest.mark.parametrize(
    ("half", "full"),
    [
        ("选了黄色,摆在哪里都好.", "选了黄色，摆在哪里都好。"),
        ("只要19.9元!现在,就买?", "只要19.9元！现在，就买？"),
        ("10:30开始,买USB,Type-C两用", "10:30开始，买USB,Type-C两用"),
        ("总价1,299.", "总价1,299。"),
        ("支持iOS.真好", "支持iOS。真好"),
        ("Nothing, at 3.5 V.", "Nothing, at 3.5 V."),
        ("好...", "好。。。"),
    ],
)
def test_chinese_has_its_own_punctuation(half, full):
    assert chinese_punctuation(half) == full


@given(MIXED)
def test_punctuation_keeps_lengths_numbers_and_latin_words(text):
    changed = chinese_punctuation(text)
    assert len(changed) == len(text)
    assert chinese_punctuation(changed) == changed
    for found in re.finditer(r"[0-9A-Za-z][.,][0-9A-Za-z]", text):
        assert changed[found.start() : found.end()] == found.group()


def test_simplified_characters_keep_lengths_and_what_is_simplified():
    pytest.importorskip("opencc")
    assert (
        simplified("為什麼看著水燒開？裡面很乾淨，抬頭看這個著名的鍋")
        == "为什么看着水烧开？里面很干净，抬头看这个著名的锅"
    )
    for text in ("什么", "看着，抬头", "Cold tea, 199元", "皇后，后面", ""):
        assert simplified(text) == text
    words = through(timed("為什", "麼", "看著", "我"), simplified)  # a phrase across words
    assert texts(words) == ["为什", "么", "看着", "我"]


def test_a_function_that_changes_lengths_is_applied_word_by_word():
    words = through(timed("ab", "c"), lambda text: text.replace("a", "xx"))
    assert texts(words) == ["xxb", "c"]


CLIPS = [(0.0, 4.0), (4.0, 9.0), (9.0, 12.0)]


def test_a_word_belongs_to_the_clip_of_its_middle():
    words = [TimedWord("a", 3.5, 4.4), TimedWord("b", 3.7, 4.4), TimedWord("c", 11.9, 12.6), TimedWord("d", 12.6, 13.0)]
    placed = place(words, CLIPS)
    assert placed.words == (Word("a", 3.5, 4.4, 0), Word("b", 3.7, 4.4, 1), Word("c", 11.9, 12.6, 2))
    assert placed.texts == ("a", "b", "c")
    assert placed.outside == (words[3],)
    assert [(mark.kind, mark.clip) for mark in placed.marks] == [("across", 0), ("across", 1)]
    assert placed.marks[0].why == "the word 'a' (3.50 to 4.40 s) is across the cut at 4.00 s"


def test_a_word_before_the_first_frame_has_no_clip():
    placed = place([TimedWord("early", 1.0, 1.5), TimedWord("on", 3.2, 3.6)], [(3.0, 12.0)])
    assert (texts(placed.words), texts(placed.outside)) == (["on"], ["early"])


@given(st.lists(st.tuples(st.floats(0, 12), st.floats(0, 2)), max_size=20))
def test_every_word_is_in_one_text_or_outside(times):
    words = [TimedWord(f"w{n}", start, start + length) for n, (start, length) in enumerate(sorted(times))]
    placed = place(words, CLIPS)
    assert sorted(" ".join(placed.texts).split()) == sorted(texts(placed.words))
    assert len(placed.words) + len(placed.outside) == len(words)
    for word in placed.words:
        start, end = CLIPS[word.clip]
        middle = (word.start + word.end) / 2
        assert start - 1e-3 <= middle <= end + 0.5 + 1e-3
    across = [w for w in words if any(w.start + ACROSS < cut < w.end - ACROSS for cut in (4.0, 9.0))]
    assert placed.across == len([w for w in across if w not in placed.outside])


def placed(text):
    return [Word(word.text, word.start, word.end, 0) for word in spread(text, 0.0, 10.0)]


def test_repetitions_are_found_and_ordinary_ones_are_not():
    (loop,) = loops(placed("It is good. " + "Thank you for watching. " * 6 + "Bye"))
    assert (loop.phrase, loop.times) == ("thank you for watching", 6)
    (loop,) = loops(placed("好" + "请订阅我的频道" * 5))
    assert (loop.phrase, loop.times) == ("请订阅我的频道", 5)
    (loop,) = loops(placed("This bottle won the craft council seal. " * 2))  # a window that came twice
    assert loop.times == 2
    for text in (
        "Day after day after day.",
        "No no no, no way.",
        "Very, very, very good",
        "看看看，好好好",
        "快快快快买",
        "",
    ):
        assert loops(placed(text)) in ([], loops(placed("No no no, no way.")))
    assert loops(placed("Very, very, very good")) == []
    for number in ("Call 8 8 8 8 8 8 8 now", "请拨打四零零八八八八八八八", "Call 5 6 5 6 5 6"):
        assert loops(placed(number)) == []
    (loop,) = loops(placed("Call " + "0 " * 40))
    assert loop.times == 40


def test_a_long_text_is_looked_through_quickly():
    assert loops([Word(f"w{n}", n, n, 0) for n in range(20_000)]) == []


@given(MIXED, st.floats(0, 100), st.floats(0, 10))
def test_spreading_keeps_the_text_and_its_time(text, start, length):
    assume(text.strip())
    words = spread(text, start, start + length)
    assert "".join(word.text for word in words).split() == text.split()
    assert words[0].start == start
    assert words[-1].end == pytest.approx(start + length)
    assert all(a.end == b.start for a, b in itertools.pairwise(words))
    assert pieces(text) == texts(words)


def test_languages_by_script():
    assert set(languages_of(timed("选了", "USB", "Type-C", "好"), "zh")) == {"zh"}
    both = languages_of(timed(*"这个小水壶真好", *["tea"] * 7), "zh")
    assert both == {"zh": 3.5, "en": 3.5}
    assert set(languages_of(timed("Cold", "tea"), "zh")) == {"zh"}  # a few Latin words alone
    assert languages_of(timed("1", "…"), "en") == {}
