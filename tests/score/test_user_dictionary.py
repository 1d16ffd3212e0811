"""User words of jieba: what a file may contain, and the warnings about useless words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_released_values import lines_of, story_of, test_of

from vn.cli import main
from vn.errors import Findings
from vn.metrics.content_words import INFORMATION_TAGS, content_words
from vn.metrics.jieba_tokenizers import UserWord, new_jieba
from vn.metrics.user_dictionary import parse_line, user_dictionary
from vn.score.measures import measure
from vn.score.settings import ScoreSettings

jieba = pytest.importorskip("jieba")
NAMES = ("intra_repetition", "intra_repetition_released")


@pytest.mark.parametrize(
    ("text", "word", "tag", "frequency"),
    [
        ("绿联磁吸快充头", "绿联磁吸快充头", "l", None),
        ("绿联磁吸快充头 l", "绿联磁吸快充头", "l", None),
        ("绿联磁吸快充头 nz", "绿联磁吸快充头", "nz", None),
        ("绿联磁吸快充头 120 n", "绿联磁吸快充头", "n", 120),
        ("绿联磁吸快充头 120", "绿联磁吸快充头", "l", 120),
        ("PRO维生素B 5 l", "PRO维生素B", "l", 5),
        ("NEO PREN三 l", "NEO PREN三", "l", None),
        ("Mate 60 pro", "Mate 60 pro", "l", None),  # jieba's own reading: Mate, 60 times, of the tag pro
        ("iphone case", "iphone case", "l", None),
        ("120", "120", "l", None),
    ],
)
def test_a_line_is_read_as_jieba_reads_it_if_its_tag_is_one(text, word, tag, frequency):
    assert parse_line(text, 7) == UserWord(word, tag, frequency, 7, text)


@given(st.text(min_size=1).map(str.strip).filter(bool))
def test_any_line_is_a_word(text):
    word = parse_line(text)
    assert text.startswith(word.word)
    assert word.word


def write(tmp_path, *lines):
    file = tmp_path / "words.txt"
    file.write_text("\ufeff" + "\n".join(lines) + "\n\n", encoding="utf-8")
    return file


def test_a_file_with_tags_works(tmp_path):
    file = write(tmp_path, "绿联磁吸快充头 l", "充电速度快 100000 v", "特快充 3 n")
    words = content_words("zh", user_dictionary(file, ()))
    assert words.name == "jieba+words.txt"
    text = "这款绿联磁吸快充头充电速度快"
    assert words.cut(text)[-2:] == [("绿联磁吸快充头", "l"), ("充电速度快", "v")]
    assert words.tagged(text, INFORMATION_TAGS) == ["绿联磁吸快充头"]
    assert "绿联磁吸快充头" in words.units(text)
    test = test_of(["绿联磁吸快充头好看。", "绿联磁吸快充头耐用。"])
    found = measure(test, ScoreSettings(user_dictionary=file), NAMES)
    assert found["intra_repetition_released"].tokenisation == "jieba+words.txt"
    assert found["intra_repetition_released"].value == pytest.approx(1 / 4)
    assert measure(test, ScoreSettings(user_dictionary="none"), NAMES)["intra_repetition_released"].value > 1 / 4


def noted(choice, **settings):
    findings = Findings()
    test = test_of(["好看。", "耐用。"], **settings)
    for _ in range(2):  # once, however often it is measured
        measure(test, ScoreSettings(user_dictionary=choice), NAMES, findings=findings)
    return findings.lines


def test_lines_that_add_nothing_are_named_once(tmp_path):
    lines = noted(
        write(tmp_path, "绿联磁吸快充头 l", "绿联磁吸快充头 l", "长时间 l", "杯子 l", "Mate 60 pro", "小米 14")
    )
    assert len(lines) == 4
    split, rare, known, bare = lines
    assert split.endswith("/ · ' and 【: line 5 'Mate 60 pro'")
    assert split.startswith(f"{tmp_path / 'words.txt'}: 1 of 6 user words are never kept whole")
    assert rare.endswith("are not kept whole, since their frequency is too small: line 6 '小米 14'")
    assert known.endswith(
        "add nothing, since jieba or an earlier line has them: line 2 '绿联磁吸快充头 l', line 3 '长时间 l'"
    )
    assert bare.endswith("are read as a word and its frequency, as jieba reads such lines: line 6 '小米 14'")


def test_words_that_jieba_cannot_keep_whole_are_named_once():
    points = ["A/B款", "小米 手机", "外·锁水", "宝宝's", "棕榈酰五肽-4", "50%棉", "充电速度快", "C#D+款"]
    split, by_tagger = noted("stories", title="【新品】云杯", points=points)
    for word in ("A/B款", "小米 手机", "外·锁水", "【新品】云杯"):
        assert repr(word) in split
    assert '"宝宝\'s"' in split
    assert split.startswith("5 of 9 user words are never kept whole")
    assert by_tagger.startswith("2 of 9 user words are not kept whole by jieba's tagger (InfoSim, InfoDiverse, ")
    assert by_tagger.endswith("which also cuts at - and %: '50%棉', '棕榈酰五肽-4'")


def test_a_long_list_is_cut_and_counted():
    (split,) = noted("stories", points=[f"{letter}/款" for letter in "ABCDEFGH"])
    assert split.startswith("8 of 9 user words")
    assert split.endswith("'E/款' and 3 more")


def test_a_word_as_long_as_a_book_is_left_out_and_said():
    (line,) = noted("stories", points=["很长" * 100_000])
    assert line.startswith("1 of 2 user words have more than 1000 characters and are left out: '很长")
    assert len(line) < 1000


def test_a_frequency_too_small_or_of_zero_is_found_and_changes_no_other_jieba(tmp_path):
    (split,) = noted(write(tmp_path, "好看耐用杯子 0 l", "绿联磁吸快充头 100 l"))
    assert "line 1 '好看耐用杯子 0 l'" in split
    plain, _ = new_jieba()
    assert list(plain.cut("绿联磁吸快充头")) != ["绿联磁吸快充头"]
    assert not jieba.finalseg.Force_Split_Words


def test_a_missing_or_odd_dictionary_is_one_line_and_exit_code_2(tmp_path, capsys):
    for name, lines in (
        ("stories.jsonl", [story_of(["好看。"] * 2)]),
        ("predictions.a.jsonl", lines_of(["好看。"] * 2)),
    ):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes("\xe9t\xe9".encode("latin-1"))
    for name, message in (("none.txt", "No such file"), ("latin.txt", "not UTF-8 at byte 0")):
        assert main(["score", str(tmp_path), "--user-dictionary", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert f"{name}: {message}" in error
        assert error.count("\n") == 1
    assert not (tmp_path / "scores.json").exists()
    assert main(["score", str(tmp_path), "--user-dictionary", str(write(tmp_path, "A/B款 l"))]) == 0
    assert "line 1 'A/B款 l'" in capsys.readouterr().err
