"""Texts that nobody should write, through the command: named, counted, never silently dropped, never a NaN."""

import json
import math

import pytest
from test_score_command import write
from test_scorecard import STORIES, lines_of

from vn.cli import main

ODD = {
    "emoji": "😀👍🏽👨‍👩‍👧",
    "right-to-left": "هذا كوب أحمر ‏",
    "mixed scripts": "A red כוס with 杯子 and чашка",
    "another language": "红色的杯子很好看。",
    "100k characters": "a red cup " * 10_000,
    "one word 100k long": "x" * 100_000,
    "one character 100k times": "好" * 100_000,
    "no word": "?!... --- ,,,",
    "control characters": "a\u0000\u0007cup\u2028\u200b",
}


@pytest.mark.parametrize("tokenisation", ["ptb", "char", "words", "jieba"])
@pytest.mark.parametrize("name", ODD)
def test_odd_narrations_make_finite_numbers(tmp_path, capsys, name, tokenisation):
    if tokenisation == "jieba":
        pytest.importorskip("jieba")
    write(tmp_path / "predictions.predicted.jsonl", lines_of(lambda i, text: ODD[name] if i == 1 else text))
    write(tmp_path / "stories.jsonl", STORIES)
    assert main(["score", str(tmp_path), "--tokenisation", tokenisation, "--sentences", "none"]) == 0
    text = (tmp_path / "scores.json").read_text(encoding="utf-8")
    for metric, entry in json.loads(text)["predicted"].items():
        assert entry["value"] is None or (math.isfinite(entry["value"]) and entry["coverage"]["scored"] > 0), metric
    err = capsys.readouterr().err
    if name in ("another language", "mixed scripts", "one character 100k times"):
        assert "6 of 24 narrations hold Chinese characters: video0 clip 1, video1 clip 1" in err
    if "100k" in name:
        assert "6 narrations have more than 10000 characters: video0 clip 1" in err
    if tokenisation == "jieba":
        assert "the tokenisation jieba is one of Chinese words, the stories are in English" in err


def test_chinese_cut_into_english_words_is_said(tmp_path, capsys):
    stories = json.loads(json.dumps(STORIES))
    for story in stories:
        story["language"] = "zh"
        for clip in story["clips"]:
            clip["narration"] = "红色的杯子。"
    write(tmp_path / "stories.jsonl", stories)
    write(tmp_path / "predictions.predicted.jsonl", [line | {"reference": None} for line in lines_of()])
    assert main(["score", str(tmp_path), "--tokenisation", "ptb"]) == 0
    err = capsys.readouterr().err
    assert "the tokenisation ptb cuts Chinese into whole phrases" in err
    assert "24 of 24 narrations hold no Chinese character" in err
