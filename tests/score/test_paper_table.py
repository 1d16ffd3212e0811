"""Our scores beside the paper's, in four formats."""

import csv
import io
import json

import pytest
from test_score_command import write
from test_scorecard import STORIES, lines_of, worse

from vn.cli import main
from vn.errors import InputError
from vn.score.paper import paper
from vn.score.paper_table import render, side_by_side

TABLE = paper().table("predicted", "ad")


def entry(value, **tags):
    return {"value": value, "interval": [value - 0.01, value + 0.01], **tags}


RUNS = {
    "mine_&_50%": {
        "cider": entry(0.3, tokenisation="llm-ids:abc", variant="cider-d"),
        "cider_released": entry(0.35, tokenisation="llm-ids:abc", variant="cider-d, released"),
        "bleu_1_released": entry(0.21, tokenisation="char", variant="released"),
        "meteor": entry(0.09, tokenisation="llm-ids:abc", variant="jar"),
        "intra_repetition": entry(0.1, tokenisation="jieba+stories", variant="paper"),
        "intra_repetition_released": {"value": None, "why": "x"},
        "emscore_released": {"value": None, "why": "no weights"},
    }
}


def test_numbers_are_comparable_or_for_orientation_and_why():
    table = side_by_side(TABLE, RUNS, "e-syncvidstory")
    assert [row[0] for row in table.rows][:-1] == list(TABLE.rows)
    system, ours, cells = table.rows[-1]
    assert (system, ours) == ("mine_&_50%", True)
    assert cells["cider_released"].text == "35.0"
    assert cells["bleu_1_released"].text == "~21.0"
    assert cells["meteor_released"].text == "~9.0", "the plain one is another number"
    assert cells["emscore_released"].text == cells["bleu_4_released"].text == "-"
    assert cells["intra_repetition_released"].text == "~10.0"
    assert table.remarks == [
        "M, IR: the definition, the paper's is the released computation",
        "B1: tokenisation char, the paper's is llm-ids",
        "IR: tokenisation jieba+stories, the paper's is jieba+words.txt",
    ]
    assert "C, M, B1, IR: other stories than the test split of e-syncvidstory" in "\n".join(
        side_by_side(TABLE, RUNS).remarks
    )


def test_json_csv_and_latex_hold_the_same_numbers():
    table = side_by_side(TABLE, RUNS, "e-syncvidstory")
    (content,) = json.loads(render([table], "json"))
    mine = content["rows"][-1]
    assert mine["cells"]["cider_released"] == {"value": 35.0, "interval": [34.0, 36.0], "comparable": True, "why": []}
    assert mine["cells"]["bleu_1_released"]["comparable"] is False
    lines = list(csv.DictReader(io.StringIO(render([table], "csv"))))
    assert len(lines) == 12 * 12 + 4
    (cider,) = [x for x in lines if x["ours"] == "yes" and x["metric"] == "cider_released"]
    assert (float(cider["value"]), float(cider["low"]), cider["comparable"]) == (35.0, 34.0, "yes")
    latex = render([table], "tex")
    assert "mine\\_\\&\\_50\\% & 35.0 & \\textit{9.0} & \\textit{21.0}" in latex
    assert latex.count("\\\\\n") == 1 + 12 + 1
    with pytest.raises(InputError, match="json, csv, tex"):
        render([table], "html")


def test_the_human_evaluation_has_two_digits_its_note_and_no_row_of_ours():
    table = side_by_side(paper().human, {})
    assert not any(ours for _, ours, _ in table.rows)
    assert table.rows[0][2]["human_attractiveness"].text == "1.17"
    assert table.remarks == []
    (content,) = json.loads(render([table], "json"))
    assert "13 raters" in content["note"]
    assert "VideoNarrator & 2.34 & 2.32 & 2.72 & 2.45" in render([table], "tex")
    assert "2.4500" in render([table], "csv")


def test_on_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write(tmp_path / "predictions.predicted.jsonl", lines_of(worse))
    write(tmp_path / "stories.jsonl", STORIES)
    files = [tmp_path / f"card.{form}" for form in ("json", "csv", "tex")]
    options = [option for file in files for option in ("--table", str(file))]
    assert main(["score", str(tmp_path), "--paper", *options]) == 0
    out = capsys.readouterr().out
    assert "E-SyncVidStory, storyline predicted" in out
    assert "e. without visual memory" in out
    assert "human evaluation: the paper's" in out
    assert "13 raters" in out
    assert "2.45" in out
    assert "~ only for orientation, not comparable with the paper's:" in out
    assert all(file.stat().st_size > 500 for file in files)
    assert main(["score", str(tmp_path), "--table", str(tmp_path / "card.xlsx")]) == 2
    assert main(["score", str(tmp_path), "--corpus", "mine"]) == 2
    err = capsys.readouterr().err
    assert "card.xlsx: a table is written as .json, .csv, .tex" in err
    assert "the paper has no corpus 'mine'" in err
