"""``vn score`` as typed, and as called by the trainer."""

from __future__ import annotations

import json

import pytest
from test_scorecard import STORIES, lines_of, worse

from vn.cli import main
from vn.errors import Findings, InputError
from vn.score.command import print_table, score_folder
from vn.score.models import ScoringModels
from vn.score.scorecard import score
from vn.score.settings import ScoreSettings


def write(file, lines):
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def run_folder(tmp_path):
    write(tmp_path / "predictions.predicted.jsonl", lines_of(worse))
    given = lines_of()[2:]
    for line in given:
        line["labels_given"] = line["labels"]
    write(tmp_path / "predictions.given.jsonl", given)
    write(tmp_path / "stories.jsonl", STORIES)
    return tmp_path


def test_a_run_folder(run_folder, capsys):
    assert main(["score", str(run_folder)]) == 0
    out, err = capsys.readouterr()
    scores = json.loads((run_folder / "scores.json").read_text(encoding="utf-8"))
    assert list(scores) == ["given", "predicted"]
    with_models = ScoringModels(sentences_name="auto", judge="classifier")
    assert scores["predicted"] == score(lines_of(worse), STORIES, ScoreSettings(models=with_models))
    assert scores["given"]["label_agreement"]["why"] == "the labels were given"
    assert "predicted: scores x100, with 95 % intervals over videos" in out
    for shown in ("ptb, exact", "duration range", "24/24", f"{100 * scores['predicted']['cider']['value']:.1f}"):
        assert shown in out
    assert "2 missing, scored as nothing" in out
    assert "2 of 24 narrations are missing and count as empty: video0 clip 0, video0 clip 1" in err
    assert not list(run_folder.glob("*.new"))


def test_a_predictions_file_with_options(tmp_path, capsys):
    file = write(tmp_path / "mine.jsonl", lines_of(worse))
    stories = write(tmp_path / "refs.jsonl", STORIES)
    out = tmp_path / "out.json"
    options = ["--stories", str(stories), "--tokenisation", "words", "--out", str(out), "--seed", "3"]
    assert main(["score", str(file), *options]) == 0
    scores = json.loads(out.read_text(encoding="utf-8"))
    models = ScoringModels(sentences_name="auto", judge="classifier")
    assert scores == {"mine": score(lines_of(worse), STORIES, ScoreSettings("words", models=models), seed=3)}
    assert main(["score", str(file)]) == 0
    assert "no stories.jsonl: the predictions' own references count" in capsys.readouterr().err
    assert json.loads((tmp_path / "mine.scores.json").read_text(encoding="utf-8"))["mine"]["bleu_1"]["value"] > 0


def test_few_fields_are_enough(tmp_path):
    """Another system's narrations can be scored beside a run's stories."""
    lines = [{k: line[k] for k in ("video", "clip", "narration")} for line in lines_of()]
    file = write(tmp_path / "other.jsonl", lines)
    write(tmp_path / "stories.jsonl", STORIES)
    assert main(["score", str(file)]) == 0
    scores = json.loads((tmp_path / "other.scores.json").read_text(encoding="utf-8"))["other"]
    assert scores["bleu_4"]["value"] == pytest.approx(1.0)
    assert scores["word_length_accuracy"] == {"value": None, "why": "no prediction has a word_range"}


def test_score_folder_writes_returns_and_warns(run_folder, capsys):
    scores = score_folder(run_folder)
    assert scores == json.loads((run_folder / "scores.json").read_text(encoding="utf-8"))
    assert "narrations are missing" in capsys.readouterr().err
    findings = Findings()
    score_folder(run_folder, findings)
    assert len(findings) == 1
    assert capsys.readouterr().err == ""
    print_table(scores)
    assert "not computed, the labels were given: label_agreement, label_exact" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("predictions.a.jsonl", '{"video": "v"}\nnot json\n', "predictions.a.jsonl:2: not JSON: Expecting value"),
        ("predictions.a.jsonl", "[1]\n", "predictions.a.jsonl:1: expected a mapping, got list"),
        ("predictions.a.jsonl", "\n", "predictions.a.jsonl: is empty"),
        ("predictions.a.jsonl", '{"video": "v", "clip": 0}\n', "predictions.a.jsonl:1: v: narration: is missing"),
        ("stories.jsonl", '{"id": "video0"}\n', "stories.jsonl:1: video0: language"),
        ("notes.txt", "", "has no predictions.*.jsonl"),
    ],
)
def test_bad_files_are_one_line_and_exit_code_2(tmp_path, capsys, name, content, message):
    if name == "stories.jsonl":
        write(tmp_path / "predictions.a.jsonl", lines_of())
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert main(["score", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "scores.json").exists()


def test_what_is_not_there_exits_with_2(tmp_path, capsys):
    file = write(tmp_path / "mine.jsonl", lines_of())
    assert main(["score", str(tmp_path / "none")]) == 2
    assert main(["score", str(file), "--tokenisation", "chars"]) == 2
    assert main(["score", str(file), "--meteor", "fuzzy"]) == 2
    assert main(["score", str(file), "--out", str(tmp_path / "no" / "scores.json")]) == 2
    with pytest.raises(InputError, match="no such run folder"):
        score_folder(tmp_path / "none")
    err = capsys.readouterr().err
    assert "none: No such file or directory" in err
    assert "no tokenisation 'chars'" in err


def test_help_has_an_example(capsys):
    assert main(["score", "--help"]) == 0
    assert "vn score runs/demo" in capsys.readouterr().out
