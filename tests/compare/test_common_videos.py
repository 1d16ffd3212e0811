"""--common-videos: runs tested on different videos are compared on those that all have, which is stated and counted."""

import csv
import json
from dataclasses import replace

import pytest
from finished_runs import BOTH, make_stories, other_stories, write_run

from vn.cli import main
from vn.compare.api import compare_runs
from vn.compare.runs import find_runs
from vn.compare.study import study
from vn.score.settings import ScoreSettings

SCORES = {
    "predicted": {
        "cider": {"value": 9.0, "tokenisation": "ptb", "variant": "cider-d"},
        "script_label_accuracy": {"value": 0.9, "tokenisation": None, "variant": "released", "model": "a-judge"},
    }
}


@pytest.fixture(scope="module")
def stories():
    return make_stories(30)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, stories):
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        write_run(folder / f"full-seed{seed}", stories, "full", seed, 0.1, settings=BOTH, scores=SCORES)
        write_run(folder / f"no_memory-seed{seed}", stories[4:], "no_memory", seed, 0.5, settings=BOTH)
    write_run(folder / "few", stories[:25], "no_lora", 0, 0.7)
    return folder


def test_without_the_option_runs_on_other_videos_are_left_out(runs):
    found = compare_runs(runs)
    assert [(v.name, len(v.runs)) for v in found.variants] == [("full", 3)]
    assert len(found.left_out) == 4
    assert found.scope == ""


def test_with_it_all_numbers_are_those_of_runs_cut_to_the_common_videos(runs, stories, tmp_path):
    found = compare_runs(runs, common_videos=True)
    assert [(v.name, len(v.runs)) for v in found.variants] == [("full", 3), ("no_lora", 1), ("no_memory", 3)]
    assert not found.left_out
    common = {s.id for s in stories[4:25]}
    for run in found.runs:
        for test in run.tests.values():
            assert {s.id for s in test.stories} == {c.video for c in test.clips} == common
    for run in sorted(runs.iterdir()):  # the same runs, as if tested on these videos only
        folder = tmp_path / run.name
        folder.mkdir()
        (folder / "config.yaml").write_text((run / "config.yaml").read_text())
        for file in (run / "stories.jsonl", *run.glob("predictions.*.jsonl")):
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            kept = [line for line in lines if line.get("video", line.get("id")) in common]
            (folder / file.name).write_text("".join(json.dumps(line) + "\n" for line in kept))
    expected = compare_runs(tmp_path)
    assert found.numbers.keys() == expected.numbers.keys()
    for setting, own in expected.numbers.items():
        for variant, numbers in own.items():
            for metric, number in numbers.items():
                ours = found.numbers[setting][variant][metric]
                if isinstance(number, str):
                    assert ours == number
                else:
                    assert (ours.values, ours.low, ours.high) == (number.values, number.low, number.high)
        assert found.deltas[setting].keys() == expected.deltas[setting].keys()
        for variant, deltas in expected.deltas[setting].items():
            assert {m: d.value for m, d in deltas.items()} == {
                m: found.deltas[setting][variant][m].value for m in deltas
            }
    # What only scores.json has is of all videos, so it is neither shown nor compared, nor a reason for a note.
    assert "script_label_accuracy" not in found.metrics("predicted")
    assert not found.notes
    assert "script_label_accuracy" in compare_runs(runs).metrics("predicted")


def test_it_is_stated_on_the_page_in_the_files_and_on_the_terminal(runs, tmp_path, capsys):
    assert main(["compare", str(runs), "--common-videos", "--no-pictures", "--out", str(tmp_path)]) == 0
    scope = "Compared on the 21 videos that all runs have; cut: few (4 of 25 videos left out), "
    assert scope in capsys.readouterr().out
    page = (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert scope in page
    assert "tested on 21 videos" in " ".join(page.split())
    assert f"{scope}full-seed0 (9 of 30 videos left out), " in (tmp_path / "compare.md").read_text().replace("\\", "")
    assert "and 2 more." in page
    lines = list(csv.DictReader((tmp_path / "compare.csv").open()))
    assert {x["variant"] for x in lines if x["kind"] == "variant"} == {"full", "no_memory", "no_lora"}


def test_runs_of_the_same_videos_are_as_without_it(runs):
    only = [runs / f"full-seed{seed}" for seed in range(3)]
    one, other = compare_runs(only, common_videos=True), compare_runs(only)
    assert one.scope == ""
    assert one.metrics("predicted") == other.metrics("predicted")
    for metric in one.metrics("predicted"):
        both = [each.numbers["predicted"]["full"][metric] for each in (one, other)]
        assert both[0].values == both[1].values


@pytest.mark.parametrize("change", [other_stories, lambda stories: [replace(s, id=f"other-{s.id}") for s in stories]])
def test_no_common_video_is_refused_in_one_sentence(runs, stories, tmp_path, capsys, change):
    other = write_run(tmp_path / "other", change(stories))
    argv = ["compare", str(runs / "full-seed0"), str(other), "--common-videos", "--out", str(tmp_path / "out")]
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert "--common-videos: the runs share no video with the same clips and references: full-seed0 and other" in error
    assert error.count("\n") == 1


def test_the_tokenisation_is_still_that_of_the_runs_scores(runs, tmp_path, stories):
    words = {"predicted": {"cider": {"value": 1.0, "tokenisation": "words", "variant": "cider-d"}}}
    for name, part in (("a", stories[:5]), ("b", stories[2:])):
        write_run(tmp_path / name, part, scores=words, model__lr=len(part))
    found = study(*find_runs([tmp_path]), ScoreSettings(), common_videos=True)
    assert {n["cider"].how["tokenisation"] for n in found.numbers["predicted"].values()} == {"words"}
