import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import Findings, InputError
from vn.io.files import read_json
from vn.story import (
    Clip,
    ScriptLabel,
    Story,
    WordRange,
    WordRangeRule,
    count_words,
    format_labels,
    parse_labels,
)
from vn.story_reader import parse_story


def story_data(**changes):
    data = {
        "id": "a1",
        "title": "Kettle",
        "language": "en",
        "knowledge": [{"aspect": "Material", "points": ["steel", "glass"]}],
        "clips": [
            {"start": 0, "end": 3, "labels": ["Sore Point"], "narration": "Cold tea again."},
            {"start": 3, "end": 5, "labels": ["Call to Action", "Product Effect"], "narration": "Get it now."},
        ],
    }
    return {**data, **changes}


def clips(*spans):
    return tuple(Clip(a, b) for a, b in spans)


def test_there_are_twelve_labels_each_with_two_names_and_two_definitions():
    assert len(ScriptLabel) == 12
    for attribute in ("en", "zh", "definition_en", "definition_zh"):
        assert len({getattr(label, attribute) for label in ScriptLabel}) == 12


@given(st.lists(st.sampled_from(list(ScriptLabel)), min_size=1, max_size=3, unique=True), st.sampled_from(["zh", "en"]))
def test_labels_survive_writing_and_reading(labels, language):
    assert parse_labels(format_labels(labels, language)) == tuple(labels)


def test_labels_read_aliases_lists_and_either_language():
    assert parse_labels("其他") == parse_labels("其他/通用卖点") == (ScriptLabel.OTHERS,)
    assert parse_labels(["产品功效+痛点铺垫", "Product Effect"]) == (ScriptLabel.EFFECT, ScriptLabel.SORE_POINT)


def test_an_unknown_label_is_named_with_the_nearest_one():
    with pytest.raises(InputError, match=r"'Sore Pont' \(did you mean 'Sore Point'\?\)"):
        parse_labels("Sore Pont")


@pytest.mark.parametrize(
    ("seconds", "rate", "margin", "expected"),
    [(4, 5, 3, (17, 23)), (0.5, 5, 3, (1, 5)), (3, 2.5, 2, (6, 9)), (0.1, 5, 0, (1, 1))],
)
def test_word_range_of_a_duration(seconds, rate, margin, expected):
    words = WordRange.of_duration(seconds, rate, margin)
    assert (words.low, words.high) == expected


def test_word_range_of_a_reference_counts_characters_in_chinese_and_words_in_english():
    assert WordRange.of_reference("显白又保湿。", "zh", 3) == WordRange(3, 9)
    assert WordRange.of_reference("A cup of tea", "en", 5) == WordRange(1, 9)
    assert count_words("iPhone快充，", "zh") == 9


def test_a_reference_range_falls_back_to_the_duration_without_a_reference():
    rule = WordRangeRule("reference")
    assert rule.range_of(Clip(0, 4), "zh") == WordRange(17, 23)
    assert rule.range_of(Clip(0, 4, None, "好"), "zh") == WordRange(1, 4)


def position(story_clips, i):
    return Story("a", "t", "en", "ad", (), story_clips).position(i)


def test_positions_of_the_spec():
    five = clips((0, 4), (4, 6), (10, 14), (14, 20))  # a gap from 6 to 10 is left out
    # middle of clip 1: 4 + 1 = 5 of 16 seconds; of clip 2: 6 + 2 = 8
    assert [position(five, i) for i in range(4)] == [0, math.floor(100 * 5 / 16), 50, 99]
    assert position(clips((0, 9)), 0) == 99


@given(st.lists(st.floats(0.1, 30), min_size=1, max_size=20))
def test_positions_are_percent_and_never_fall(durations):
    ends = [sum(durations[: i + 1]) for i in range(len(durations))]
    story = Story("a", "t", "en", "ad", (), tuple(Clip(e - d, e) for d, e in zip(durations, ends, strict=True)))
    positions = [story.position(i) for i in range(len(durations))]
    assert positions == sorted(positions)
    assert positions[-1] == 99
    assert len(positions) == 1 or positions[0] == 0
    assert all(0 <= p <= 99 for p in positions)


def test_a_story_survives_writing_and_reading():
    story = parse_story(story_data(video="a.mp4", domain="ad"))
    assert parse_story(story.to_dict()) == story
    assert story.narrated == (0, 1)


def test_a_category_is_kept_and_without_one_nothing_is_written():
    kept = parse_story(story_data(category=" sun wear "))
    assert kept.category == "sun wear"
    assert parse_story(kept.to_dict()) == kept
    plain = parse_story(story_data())
    assert plain.category is None
    assert kept != plain
    assert list(plain.to_dict()) == ["id", "title", "language", "domain", "knowledge", "clips"], "as before"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips": []}, "a1: clips: the story has no clips"),
        ({"clips": [{"start": 3, "end": 2}]}, r"a1: clips\[0\].end: ends at 2 s, but starts at 3 s"),
        ({"clips": [{"start": 3, "end": 3}]}, r"clips\[0\].end"),
        ({"clips": [{"start": -1, "end": 3}]}, r"clips\[0\].start: expected seconds"),
        ({"clips": [{"start": float("nan"), "end": 3}]}, r"clips\[0\].start: expected seconds"),
        (
            {"clips": [{"start": 0, "end": 5}, {"start": 2, "end": 7}]},
            r"clips\[1\].start: starts 3 s before clip 0 ends",
        ),
        ({"clips": [{"start": 0, "end": 5, "labels": ["Nothing"]}]}, r"clips\[0\].labels: unknown script label"),
        ({"clips": [{"start": 0, "end": 5, "lables": ["Others"]}]}, r"unknown field 'lables' \(did you mean 'labels'"),
        ({"clips": [{"start": 0, "end": 5, "narration": ""}]}, r"clips\[0\].narration: expected a text"),
        ({"language": "de"}, "language: expected 'zh' or 'en', got 'de'"),
        ({"id": "a/b"}, "an id has letters"),
        ({"title": None}, "title: expected a text"),
        ({"knowledge": [{"aspect": "x", "points": "y"}]}, r"knowledge\[0\].points"),
        ({"speed": 3}, "unknown field 'speed'"),
        ({"category": ["a"]}, "category: expected a text"),
        ({"category": " "}, "category: expected a text"),
    ],
)
def test_bad_stories_are_refused_by_file_story_and_field(changes, message):
    with pytest.raises(InputError, match=message) as error:
        parse_story(story_data(**changes), file="stories/a1.json")
    assert str(error.value).startswith("stories/a1.json: ")


def test_an_overlap_of_up_to_a_second_is_a_finding():
    findings = Findings()
    parse_story(story_data(clips=[{"start": 0, "end": 5}, {"start": 4, "end": 7}]), file="f.json", findings=findings)
    assert findings.lines == ["f.json: a1: clips[1]: starts 1 s before clip 0 ends"]


def test_overlaps_may_be_kept_or_trimmed():
    data = story_data(clips=[{"start": 0, "end": 5}, {"start": 2, "end": 7}])
    findings = Findings()
    kept = parse_story(data, file="f.json", findings=findings, overlap="keep")
    assert [(c.start, c.end) for c in kept.clips] == [(0, 5), (2, 7)]
    assert findings.lines == ["f.json: a1: clips[1]: starts 3 s before clip 0 ends"]
    findings = Findings()
    trimmed = parse_story(data, file="f.json", findings=findings, overlap="trim")
    assert [(c.start, c.end) for c in trimmed.clips] == [(0, 2), (2, 7)]
    assert not findings
    data["clips"][1]["start"] = 0.4
    with pytest.raises(
        InputError, match=r"f.json: a1: clips\[0\].end: --overlap trim would leave only 0.4 s of 0 to 5 s"
    ):
        parse_story(data, file="f.json", overlap="trim")


def test_wrong_encodings_and_broken_json_name_the_place(tmp_path):
    (tmp_path / "gbk.json").write_bytes('{"title": "口红"}'.encode("gbk"))
    with pytest.raises(InputError, match="not UTF-8 at byte 11"):
        read_json(tmp_path / "gbk.json")
    (tmp_path / "cut.json").write_text('{"a": 1,\n')
    with pytest.raises(InputError, match="line 2"):
        read_json(tmp_path / "cut.json")
    with pytest.raises(InputError, match="No such file"):
        read_json(tmp_path / "none.json")
