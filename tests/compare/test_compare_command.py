"""vn compare on the command line: its files, what it refuses, the paper's tables, and W&B without a network."""

import csv
import json
import re

import pytest
from finished_runs import EVIL, make_stories, other_stories, write_run

from vn.cli import main
from vn.compare.breakdown import confusion, length_by_seconds, score_by_place
from vn.compare.page import script_json
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.compare.tables import paper_tables
from vn.compare.workspace import workspace
from vn.errors import InputError
from vn.score.settings import ScoreSettings


@pytest.fixture(scope="module")
def stories():
    return make_stories(8)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, stories):
    folder = tmp_path_factory.mktemp("sweep")
    for seed in range(2):
        write_run(folder / f"full-seed{seed}", stories, "full", seed, 0.1)
        write_run(folder / f"no_memory-seed{seed}", stories, "no_memory", seed, 0.5)
    return folder


@pytest.fixture(scope="module")
def found(sweep):
    return study(*find_runs([sweep]), ScoreSettings())


def test_a_sweep_gives_four_files_that_agree(sweep, found, capsys):
    assert main(["compare", str(sweep), "--no-pictures"]) == 0
    assert "compare.html" in capsys.readouterr().out
    with open(sweep / "compare.csv", newline="") as file:
        lines = {(x["setting"], x["variant"], x["metric"]): x for x in csv.DictReader(file)}
    d = found.deltas["predicted"]["no_memory"]["cider"]
    assert float(lines["predicted", "no_memory", "cider"]["difference"]) == d.value
    text = (sweep / "compare.md").read_text()
    assert f"{100 * found.numbers['predicted']['full']['cider'].mean:.1f}" in text
    assert "no\\_memory" in text
    latex = (sweep / "compare.tex").read_text()
    for written in (text, latex, (sweep / "compare.html").read_text(encoding="utf-8")):
        assert "13 raters" in written  # Table 6
        assert "2.32" in written
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 5  # with what counts; none given
    html = (sweep / "compare.html").read_text()
    assert not re.findall(r"<(?:script|img|link)[^>]+(?:src|href)=.?https?:", html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda p, s: None, "no such run or sweep"),
        (lambda p, s: p.mkdir(), "has no run"),
        (lambda p, s: p.write_text(""), "got a file"),
        (lambda p, s: write_run(p, s, settings=()), "no finished run to compare: runs: has no predictions yet"),
        (lambda p, s: (write_run(p, s) / "stories.jsonl").unlink(), "stories.jsonl: No such file"),
        (lambda p, s: (write_run(p, s) / "predictions.predicted.jsonl").write_text("{"), "not JSON"),
        (lambda p, s: (write_run(p, s) / "config.yaml").write_text("- a"), "expected settings by name"),
        (lambda p, s: (write_run(p, s) / "scores.json").write_text("[]"), "expected scores by setting"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path, stories, capsys, prepare, message):
    prepare(tmp_path / "runs", stories)
    assert main(["compare", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_user_dictionary_is_one_sentence(tmp_path, stories, capsys):
    run = write_run(tmp_path / "a", stories)
    options = ["--user-dictionary", str(tmp_path / "none.txt"), "--out", str(tmp_path / "out")]
    assert main(["compare", str(run), *options]) == 2
    error = capsys.readouterr().err
    assert "none.txt: No such file" in error
    assert error.count("\n") == 1


def test_runs_of_another_test_are_named_and_the_others_compared(tmp_path, stories, capsys):
    runs = [write_run(tmp_path / "a", stories), write_run(tmp_path / "b", other_stories(stories), "no_memory")]
    assert main(["compare", *map(str, runs), "--out", str(tmp_path / "out"), "--no-pictures"]) == 0
    assert "left out: b (left out): was tested on other stories than a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "message"),
    [(lambda file: file.unlink(), "No such file"), (lambda file: file.write_bytes(b"\xff"), "not UTF-8")],
)
def test_a_run_without_its_stories_is_named_and_the_others_compared(tmp_path, stories, damage, message):
    runs = [write_run(tmp_path / "a", stories), write_run(tmp_path / "b", stories, "no_memory")]
    damage(runs[1] / "stories.jsonl")
    found, (left_out,) = find_runs(runs)
    assert [run.folder for run in found] == runs[:1]
    assert message in left_out.reason


def test_the_papers_numbers_are_greyed_with_the_reason_and_comparable_only_with_the_same_setup(tmp_path, stories):
    lines = {"value": 0.981, "tokenisation": None, "variant": "reference"}
    cider = {"value": 0.333, "tokenisation": "llm-ids:0123456789ab", "variant": "cider-d, released"}
    scores = {"predicted": {"word_length_accuracy": lines, "cider_released": cider}}
    run = write_run(tmp_path / "full", stories, scores=scores, model__base_model="Baichuan-7B")
    (run / "adapter").mkdir()
    (run / "adapter" / "narrator.json").write_text(json.dumps({"encoder": {"id": "features"}}))
    compared = study(*find_runs([run]), ScoreSettings())
    here = paper_tables(compared, "e-syncvidstory")[0]
    place = next(i for i, row in enumerate(here.rows) if row.ours)
    cell, above = here.rows[place].cells[0], here.rows[place - 1]
    assert (cell.ours.mean, cell.mark, cell.reasons) == (0.333, "", ())
    assert (above.name, above.cells[0].paper) == (here.rows[place].paper_name, 33.3) == ("VideoNarrator", 33.3)
    elsewhere = paper_tables(compared, None)[0]
    assert elsewhere.reasons == ("other stories than the test split of e-syncvidstory", *here.reasons)
    repetition = next(row for row in paper_tables(compared, "e-syncvidstory")[1].rows if row.ours).cells[-1]
    assert repetition.metric == "intra_repetition"  # there is no released computation in English
    assert any("released" in reason for reason in repetition.reasons)


def test_a_breakdown_is_a_partition_of_the_whole(found):
    runs = found.variants[1].runs
    stories = runs[0].tests["predicted"].stories
    numbers = found.numbers["predicted"]["no_memory"]
    bins = length_by_seconds(stories, numbers["word_length_accuracy"].measures)
    clips = sum(b.clips for b in bins)
    whole = sum(b.value * b.clips for b in bins) / clips
    assert whole == pytest.approx(numbers["word_length_accuracy"].mean)
    for metric in ("cider", "label_agreement"):
        by_place = score_by_place(stories, numbers[metric].measures)
        assert len(by_place) == 5
        whole = sum(b.value * b.clips for b in by_place) / clips
        assert whole == pytest.approx(numbers[metric].mean)
        assert all(b.low <= b.value <= b.high for b in by_place)
    counts = confusion(runs, "predicted")
    assert counts.sum() == pytest.approx(clips)  # one label a clip here
    assert counts.trace() / clips == pytest.approx(numbers["label_agreement"].mean)


def test_json_in_a_script_ends_no_script_and_is_the_same_value():
    value = {EVIL: [EVIL, "<!--", "&amp;", "\u2028"]}
    text = script_json(value)
    assert "<" not in text
    assert ">" not in text
    assert json.loads(text) == value


def test_the_workspace_has_a_section_a_table_without_a_network(found):
    pytest.importorskip("wandb_workspaces")
    tables = paper_tables(found, None)
    made = workspace(tables, "someone/vn", "Ablations", found)
    names = [section.name for section in made.sections]
    assert names[0] == "What counts, storyline predicted"
    assert names[1 : 1 + len(tables)] == [f"{t.number}: {t.title}" for t in tables]
    model = made._to_model().model_dump_json()
    assert "33.3" in model
    assert "test/predicted/cider" in model
    assert "13 raters" in model
    assert "human_relevance" not in model, "there are no bars of ours"
    assert "| **ours: full** | " in model
    with pytest.raises(InputError, match="expected ENTITY/PROJECT"):
        workspace(tables, "someone", "Ablations", found)
