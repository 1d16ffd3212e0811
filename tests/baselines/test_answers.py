"""Answers of chat models: what is in the form is taken as it is, everything else is a fault of one kind."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.baselines.answers import AnswerReader, ClipAnswer, is_in, read_labels
from vn.baselines.chat_template import ChatTemplate
from vn.baselines.prompts import ChatPrompt, one_line
from vn.story import ScriptLabel, count_words, format_labels

TEMPLATES = {language: ChatTemplate.load(f"chat-ad-{language}") for language in ("en", "zh")}
EN = AnswerReader(TEMPLATES["en"], "en")
ZH = AnswerReader(TEMPLATES["zh"], "zh")
GENERAL = AnswerReader(ChatTemplate.load("chat-general-en"), "en")
SORE, TRIAL = ScriptLabel.SORE_POINT, ScriptLabel.TRIAL
GOOD = "Clip 1\nScript label: Sore Point\nNarration: Cold tea again?"

label_sets = st.lists(st.sampled_from(ScriptLabel), min_size=1, max_size=3, unique=True).map(tuple)
latin = st.text("abcdefghij KLM.,!'", min_size=3).map(one_line).filter(lambda text: any(c.isalpha() for c in text))
han = st.text("冷茶又来了水壶一分钟，。", min_size=2).map(one_line).filter(lambda t: any(c.isalpha() for c in t))


def test_the_form_is_read():
    answer = f"{GOOD}\n\nClip 3\nScript label: Product Trial+Product Effect\nNarration: It boils: try  it.\n"
    reading = EN.read(answer, {0: None, 2: None})
    assert reading.answers == {
        0: ClipAnswer((SORE,), "Cold tea again?"),
        2: ClipAnswer((TRIAL, ScriptLabel.EFFECT), "It boils: try it."),
    }
    assert (reading.faults, reading.besides) == ({}, [])


@pytest.mark.parametrize(
    "answer",
    [
        GOOD.replace("Clip 1\n", ""),
        GOOD.replace("Clip 1", "  CLIP 1:  ").replace("Script label:", "script label："),
        GOOD.replace("\n", "\n\n"),
        GOOD.replace("Sore Point", "'sore point'."),
        GOOD.replace("Sore Point", "痛点铺垫"),
    ],
)
def test_what_is_tolerated(answer):
    reading = EN.read(answer, {0: None})
    assert reading.answers == {0: ClipAnswer((SORE,), "Cold tea again?")}
    assert reading.besides == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("", "empty"),
        (" \n\n", "empty"),
        ("Clip 1\nScript label: Sore Point\nNarration:", "empty"),
        ("Clip 1\nScript label: Sore Point\nNarration: ...", "empty"),
        ("Clip 1\nNarration: Cold tea again?", "no_label"),
        ("Clip 1\nScript label:\nNarration: Cold tea again?", "no_label"),
        ("Cold tea again?", "no_label"),
        ("Clip 1\nScript label: Sore Point", "no_narration"),
        (GOOD.replace("Sore Point", "Sore Point, Product Trial"), "two_labels"),
        (GOOD.replace("Sore Point", "Sore Point and Product Trial"), "two_labels"),
        (GOOD.replace("\nNarr", "\nScript label: Product Trial\nNarr"), "two_labels"),
        (GOOD.replace("Sore Point", "Happy Point"), "unknown_label"),
        (GOOD.replace("Sore Point", "Sore Point+Happy Point"), "unknown_label"),
        (GOOD.replace("Sore Point", "I think it is a Sore Point"), "unknown_label"),
        (GOOD.replace("Cold tea again?", "又是冷茶？"), "other_language"),
        (GOOD.replace("Cold tea again?", "Опять холодный чай?"), "other_language"),
        (GOOD + "\nHope this helps!", "more_text"),
        (GOOD + "\nNarration: Or this.", "doubled"),
        (GOOD + "\n" + GOOD, "doubled"),
        ('{"clip": 1, "label": "Sore Point", "narration": "Cold tea again?"}', "json"),
        ('```json\n[{"label": "Sore Point", "narration": "Cold tea again?"}]\n```', "json"),
        (GOOD.replace("Clip 1", "Clip 2"), "missing_clip"),
        (GOOD.replace("Clip 1", "Clip " + "9" * 5000), "more_text"),
    ],
)
def test_faults_by_kind(answer, kind):
    reading = EN.read(answer, {0: None})
    assert reading.answers == {}
    assert reading.faults == {0: kind}


def test_a_code_fence_is_left_out_and_counted():
    reading = EN.read(f"```\n{GOOD}\n```", {0: None})
    assert reading.answers == {0: ClipAnswer((SORE,), "Cold tea again?")}
    assert reading.besides == ["code_fence"]


def test_text_before_the_form_and_clips_that_nobody_asked_for_cost_nothing_but_are_counted():
    more = GOOD.replace("Clip 1", "Clip 7")
    reading = EN.read(f"Sure! Here it is.\n{GOOD}\n{more}", {0: None})
    assert set(reading.answers) == {0}
    assert reading.besides == ["other_text", "extra_clip"]


def test_a_clip_is_missing():
    reading = EN.read(GOOD, {0: None, 1: None})
    assert set(reading.answers) == {0}
    assert reading.faults == {1: "missing_clip"}


def test_the_clip_within_which_an_answer_was_cut_off_is_not_taken():
    second = GOOD.replace("Clip 1", "Clip 2").replace("again?", "aga")
    reading = EN.read(f"{GOOD}\n{second}", {0: None, 1: None, 2: None}, cut_off=True)
    assert set(reading.answers) == {0}
    assert reading.faults == {1: "cut_off", 2: "missing_clip"}


def test_with_given_labels_the_line_may_be_left_out_or_must_be_theirs():
    bare = "Clip 1\nNarration: Cold tea again?"
    assert EN.read(bare, {0: (SORE,)}).answers == {0: ClipAnswer(None, "Cold tea again?")}
    assert EN.read(GOOD, {0: (SORE,)}).answers == {0: ClipAnswer(None, "Cold tea again?")}
    assert EN.read(GOOD, {0: (TRIAL,)}).faults == {0: "other_label"}


def test_without_labels_in_the_domain_a_line_with_one_is_more_text():
    assert GENERAL.read("Clip 1\nNarration: They dance.", {0: None}).answers == {0: ClipAnswer(None, "They dance.")}
    assert GENERAL.read("Clip 1\nScript label: Others\nNarration: They dance.", {0: None}).faults == {0: "more_text"}


def test_nothing_is_cut_from_10000_characters():
    long = "so good " * 1250
    (got,) = EN.read(GOOD.replace("Cold tea again?", long), {0: None}).answers.values()
    assert got.narration == long.strip()
    assert count_words(got.narration, "en") == 2500


def test_brands_in_latin_letters_are_chinese_narrations():
    assert is_in("绿联iPhone充电器，支持PD快充。", "zh")
    assert is_in("The 奥罗拉 kettle boils in a minute.", "en")
    assert not is_in("The 奥罗拉 kettle boils in a minute.", "zh")
    assert not is_in("これはすばらしいです", "zh")
    assert is_in("100 %", "zh")


def test_labels_are_named_or_it_is_none():
    assert read_labels("Sore Point + Product Trial") == (SORE, TRIAL)
    assert [read_labels(text) for text in ("", "Sore Point/Product Trial", "Nothing")] == [
        "no_label",
        "two_labels",
        "unknown_label",
    ]


@given(st.dictionaries(st.integers(0, 30), st.tuples(label_sets, latin), min_size=1, max_size=6), st.booleans())
def test_what_is_written_in_the_form_is_read_back(clips, labels_given):
    prompt = ChatPrompt(TEMPLATES["en"], "en", labels_given)
    answer = "\n".join(prompt.answer(n, None if labels_given else ls, text) for n, (ls, text) in clips.items())
    reading = EN.read(answer, {n: ls if labels_given else None for n, (ls, _) in clips.items()})
    assert reading.answers == {n: ClipAnswer(None if labels_given else ls, text) for n, (ls, text) in clips.items()}
    assert (reading.faults, reading.besides) == ({}, [])


@given(st.dictionaries(st.integers(0, 30), st.tuples(label_sets, han), min_size=1, max_size=6))
def test_chinese_too(clips):
    prompt = ChatPrompt(TEMPLATES["zh"], "zh", given=False)
    answer = "\n".join(prompt.answer(n, labels, text) for n, (labels, text) in clips.items())
    reading = ZH.read(answer, dict.fromkeys(clips))
    assert reading.answers == {n: ClipAnswer(labels, text) for n, (labels, text) in clips.items()}


pieces = st.sampled_from(
    ["Clip 1", "Clip 2:", "Clip 99", "Script label: ", "Narration: ", "Sore Point", "+", "Others", "```", "{", "[1]"]
)
noise = st.lists(st.one_of(pieces, st.just("\n"), st.text(max_size=12)), max_size=25).map("".join)


@given(st.one_of(st.text(max_size=300), noise), st.booleans(), st.booleans())
def test_any_text_is_read_and_nothing_is_invented(answer, cut_off, labels_given):
    wanted = dict.fromkeys((0, 1), (SORE,) if labels_given else None)
    reading = EN.read(answer, wanted, cut_off)
    assert set(reading.answers) | set(reading.faults) == {0, 1}
    assert not set(reading.answers) & set(reading.faults)
    assert set(reading.faults.values()) <= set(TEMPLATES["en"].problems)
    said = one_line(answer)
    for got in reading.answers.values():
        assert got.narration in said
        assert (got.labels is None) == labels_given
        for label in got.labels or ():
            names = (label.en, label.zh, label.name, "其他" if label is ScriptLabel.OTHERS else label.en)
            assert any(re.search(re.escape(name), said, re.IGNORECASE) for name in names)


def test_the_text_of_every_fault_asks_again_in_both_languages():
    for language, template in TEMPLATES.items():
        prompt = ChatPrompt(template, language, given=False)
        for kind in template.problems:
            if kind != "out_of_range":
                assert prompt.fault(kind) in prompt.again({4: prompt.fault(kind)}, {3: None, 4: None})
        assert prompt.again({4: "?"}, {4: None}).count(prompt.name(4)) == 2
        assert format_labels((SORE,), language) in prompt.system()
