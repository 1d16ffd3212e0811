"""Ours beside the paper's, in four forms."""

import csv
import io
import json

import pytest
from test_score_command import write
from test_scorecard import STORIES, lines_of, worse

from vn.cli import main
from vn.errors import InputError
from vn.metrics.paper import paper
from vn.metrics.paper_table import render, side_by_side

TABLE = paper().table("predicted", "ad")


def entry(value, **tags):
    return {"value": value, "interval": [value - 0.01, value + 0.01], **tags}


RUNS = {
    "mine_&_50%": {
        "cider": entry(0.35, tokenisation="llm-ids:abc", variant="cider-d"),
        "bleu_1": entry(0.21, tokenisation="char", variant=None),
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
    assert cells["cider"].text == "35.0"
    assert cells["bleu_1"].text == "~21.0"
    assert cells["emscore_released"].text == cells["meteor"].text == "-"
    assert cells["intra_repetition_released"].text == "~10.0"
    assert table.remarks == [
        "B1: tokenisation char, the paper's is llm-ids",
        "IR: the definition, the paper's is the released computation",
    ]
    assert "C, B1, IR: other stories than the test split of e-syncvidstory" in "\n".join(
        side_by_side(TABLE, RUNS).remarks
    )


def test_json_csv_and_latex_hold_the_same_numbers():
    table = side_by_side(TABLE, RUNS, "e-syncvidstory")
    (content,) = json.loads(render([table], "json"))
    mine = content["rows"][-1]
    assert mine["cells"]["cider"] == {"value": 35.0, "interval": [34.0, 36.0], "comparable": True, "why": []}
    assert mine["cells"]["bleu_1"]["comparable"] is False
    lines = list(csv.DictReader(io.StringIO(render([table], "csv"))))
    assert len(lines) == 12 * 12 + 3
    (cider,) = [x for x in lines if x["ours"] == "yes" and x["metric"] == "cider"]
    assert (float(cider["value"]), float(cider["low"]), cider["comparable"]) == (35.0, 34.0, "yes")
    latex = render([table], "tex")
    assert "mine\\_\\&\\_50\\% & 35.0 & -- & \\textit{21.0}" in latex
    assert latex.count("\\\\\n") == 1 + 12 + 1
    with pytest.raises(InputError, match="json, csv, tex"):
        render([table], "html")


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
    assert "~ only for orientation, not comparable with the paper's:" in out
    assert all(file.stat().st_size > 500 for file in files)
    assert main(["score", str(tmp_path), "--table", str(tmp_path / "card.xlsx")]) == 2
    assert main(["score", str(tmp_path), "--corpus", "mine"]) == 2
    err = capsys.readouterr().err
    assert "card.xlsx: a table is written as .json, .csv, .tex" in err
    assert "the paper has no corpus 'mine'" in err
