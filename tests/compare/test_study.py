"""Runs become variants; their numbers are those of vn score, their differences those of the means over seeds."""

import json

import numpy as np
import pytest
from finished_runs import make_stories, other_stories, write_run, write_study

from vn.compare.paired import seed_difference
from vn.compare.runs import find_runs
from vn.compare.study import Number, study
from vn.errors import InputError
from vn.score.predictions import read_lines
from vn.score.scorecard import score
from vn.score.settings import ScoreSettings


@pytest.fixture(scope="module")
def stories():
    return make_stories(20)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, stories):
    return write_study(tmp_path_factory.mktemp("runs") / "sweep", stories)


@pytest.fixture(scope="module")
def found(sweep):
    return study(*find_runs([sweep]), ScoreSettings())


def test_seeds_of_one_ablation_are_one_variant_and_full_comes_first(found):
    assert [(v.name, [r.seed for r in v.runs]) for v in found.variants] == [
        ("full", [0, 1, 2]),
        ("no_position", [0, 1, 2]),
        ("no_memory", [0, 1, 2]),
    ]
    assert found.settings == ("predicted", "given")
    assert not found.left_out


@pytest.mark.parametrize("setting", ["predicted", "given"])
def test_every_number_is_the_one_that_vn_score_gives(sweep, found, setting):
    for variant in found.variants:
        entries = []
        for run in variant.runs:
            lines = read_lines(run.folder / f"predictions.{setting}.jsonl")
            entries.append(score(lines, read_lines(run.folder / "stories.jsonl"), storyline_given=setting == "given"))
        for metric, entry in entries[0].items():
            ours = found.numbers[setting][variant.name][metric]
            if entry["value"] is None:
                assert ours == entry["why"]
                continue
            assert isinstance(ours, Number)
            assert ours.values == tuple(e[metric]["value"] for e in entries)
            assert ours.mean == pytest.approx(np.mean([e[metric]["value"] for e in entries]), abs=1e-12)
            assert ours.deviation == pytest.approx(np.std([e[metric]["value"] for e in entries], ddof=1), abs=1e-12)


def test_a_difference_is_that_of_the_means_over_seeds_with_an_interval_over_seeds_and_videos(sweep, found):
    hits = {}
    for name in ("full", "no_memory"):
        per_seed = []
        for seed in range(3):
            by_video = {}
            for line in read_lines(sweep / f"{name}-seed{seed}" / "predictions.predicted.jsonl"):
                low, high = line["word_range"]
                by_video.setdefault(line["video"], []).append(low <= len(line["narration"].split()) <= high)
            per_seed.append(sum(map(sum, by_video.values())) / sum(map(len, by_video.values())))
        hits[name] = np.array(per_seed)
    d = found.deltas["predicted"]["no_memory"]["word_length_accuracy"]
    assert d.value == pytest.approx(hits["no_memory"].mean() - hits["full"].mean())
    assert d.seeds == pytest.approx(tuple(hits["no_memory"] - hits["full"]))
    error = np.sqrt((hits["full"].var(ddof=1) + hits["no_memory"].var(ddof=1)) / 3)
    assert d.high - d.low > 2 * 2.7 * error  # as wide as the seeds alone make it, with 4 degrees of freedom
    assert d.high < 0
    assert d.counts
    assert found.deltas["predicted"]["no_memory"]["cider"].counts


def test_holm_is_over_the_variants(found):
    for metric, d in found.deltas["predicted"]["no_memory"].items():
        if d.p_value is not None:
            other = found.deltas["predicted"]["no_position"][metric].p_value
            assert d.counts <= (d.p_value < 0.05)
            own = [found.numbers["predicted"][n][metric].measures for n in ("full", "no_memory")]
            plain = seed_difference(*own).p_value
            assert d.p_value == pytest.approx(min(1, max(2 * plain if d.p_value <= other else plain, 0)))


def test_another_configuration_is_another_variant_named_by_what_differs(tmp_path, stories):
    write_run(tmp_path / "a", stories, model__lr=0.1)
    write_run(tmp_path / "b", stories, model__lr=0.2)
    write_run(tmp_path / "c", stories, seed=1, model__lr=0.2, trainer__devices=4)  # which changes no result
    names = [(v.name, len(v.runs)) for v in study(*find_runs([tmp_path]), ScoreSettings()).variants]
    assert names == [("full, model.lr=0.1", 1), ("full, model.lr=0.2", 2)]


def test_names_that_end_in_the_seed_name_the_variant(tmp_path, stories):
    for seed in range(2):
        write_run(tmp_path / f"full-seed{seed}", stories, seed=seed)
        write_run(tmp_path / f"full@short-seed{seed}", stories, seed=seed, trainer__max_steps=10 + seed)
    found = study(*find_runs([tmp_path]), ScoreSettings())
    assert [(v.name, len(v.runs)) for v in found.variants] == [("full", 2), ("full@short", 2)]


def test_a_test_inside_a_run_folder_is_a_control_of_that_run(tmp_path, stories):
    run = write_run(tmp_path / "full-seed0", stories)
    write_run(run / "other_frames", stories, wrong=0.9)
    (run / "other_frames" / "config.yaml").unlink()
    found = study(*find_runs([tmp_path]), ScoreSettings())
    assert [v.name for v in found.variants] == ["full", "other_frames"]
    assert not found.variants[1].runs[0].curves


def test_settings_tested_in_two_folders_are_one_variant(tmp_path, stories):
    write_run(tmp_path / "a", stories, settings=("predicted",))
    write_run(tmp_path / "b", stories, settings=("given",))
    found = study(*find_runs([tmp_path]), ScoreSettings())
    assert [len(v.runs) for v in found.variants] == [2]
    assert len(found.numbers["given"]["full"]["cider"].values) == 1


SCORED = {"predicted": {"cider": {"value": 1.0, "tokenisation": "ptb", "variant": "cider-d"}}}


def left_out(found):
    return {run.name: (run.state, run.reason) for run in found.left_out}


def test_what_cannot_be_compared_is_listed_with_the_reason(tmp_path, stories):
    write_run(tmp_path / "full-seed0", stories, scores=SCORED)
    write_run(tmp_path / "full-seed1", stories, seed=1)
    write_run(tmp_path / "elsewhere", other_stories(stories))
    write_run(tmp_path / "fewer", stories[:12])
    words = {"predicted": {"cider": {"value": 1.0, "tokenisation": "words"}}}
    write_run(tmp_path / "words", stories, seed=2, scores=words)
    write_run(tmp_path / "twin", stories, "no_memory")
    write_run(tmp_path / "twin2", stories, "no_memory")
    write_run(tmp_path / "unfinished", stories, settings=())
    broken = write_run(tmp_path / "broken", stories) / "predictions.predicted.jsonl"
    broken.write_text(broken.read_text()[:-30])
    (tmp_path / "sweep.json").write_text(
        json.dumps(
            {
                "points": [
                    {"name": "full-seed0", "state": "finished"},
                    {"name": "gone", "state": "failed", "error": "exit code 1"},
                    {"name": "later", "state": "pending"},
                ]
            }
        )
    )
    found = study(*find_runs([tmp_path]), ScoreSettings())
    why = left_out(found)
    assert why["gone"] == ("failed", "exit code 1")
    assert why["later"][0] == why["unfinished"][0] == "unfinished"
    assert "predictions.predicted.jsonl:" in why["broken"][1]
    assert "not JSON" in why["broken"][1]
    assert why["elsewhere"] == (
        "left out",
        "was tested on other stories than full-seed0 (20 of its 20 videos are the same)",
    )
    assert "12 of its 12" in why["fewer"][1]
    assert why["words"][1].startswith("was scored on words, others on ptb")
    assert "of twin, which is compared" in why["twin2"][1]
    assert {r.name for r in found.runs} == {"full-seed0", "full-seed1", "twin"}
    assert any("scores.json is not of these predictions" in note for note in found.notes)


def test_numbers_that_only_scores_json_has_are_shown_without_an_interval(tmp_path, stories):
    for ablation, value in (("full", 0.9), ("no_memory", 0.8)):
        for seed in range(2):
            entry = {"value": value + seed / 100, "tokenisation": None, "variant": "released", "model": "a-judge"}
            scores = {"predicted": {"script_label_accuracy": entry}}
            write_run(tmp_path / f"{ablation}-seed{seed}", stories, ablation, seed, scores=scores)
    found = study(*find_runs([tmp_path]), ScoreSettings())
    number = found.numbers["predicted"]["full"]["script_label_accuracy"]
    assert number.values == (0.9, 0.91)
    assert number.low is None
    d = found.deltas["predicted"]["no_memory"]["script_label_accuracy"]
    assert d.value == pytest.approx(-0.1)
    assert not d.counts
    assert "only scores.json" in d.why


def test_other_seeds_are_not_paired(tmp_path, stories):
    write_run(tmp_path / "full-seed0", stories)
    write_run(tmp_path / "no_memory-seed5", stories, "no_memory", 5)
    d = study(*find_runs([tmp_path]), ScoreSettings()).deltas["predicted"]["no_memory"]["cider"]
    assert (d.value, d.why) == (None, "no seed in common with the baseline")


@pytest.mark.parametrize("name", ["nothing", "no_memori"])
def test_a_baseline_that_is_not_there_is_refused(sweep, name):
    with pytest.raises(InputError, match=rf"--baseline: no variant '{name}'.*there are full, no_position, no_memory"):
        study(*find_runs([sweep]), ScoreSettings(), baseline=name)


def test_another_baseline(sweep):
    found = study(*find_runs([sweep]), ScoreSettings(), baseline="no_memory")
    assert found.baseline.name == "no_memory"
    assert found.deltas["predicted"]["full"]["cider"].value > 0


@pytest.mark.parametrize("moved", [False, True])
def test_a_sweep_of_tests_is_a_variant_named_by_what_it_sets(tmp_path, stories, moved, monkeypatch):
    write_study(tmp_path / "runs" / "ablations", stories)
    controls = tmp_path / "runs" / "controls"
    tested = [f"runs/ablations/{ablation}-seed{seed}" for ablation in ("full", "no_memory") for seed in range(3)]
    for run in tested:
        folder = write_run(controls / run.split("/")[-1], stories, seed=int(run[-1]), wrong=0.9)
        (folder / "config.yaml").unlink()
    command = ["${env}", "vn", "test", "--config", "${args_json}", "--data.frames=other_video"]
    command += ["--trainer.enable_progress_bar=false"]
    points = [{"name": run.split("/")[-1], "state": "finished", "parameters": {"run": run}} for run in tested]
    (controls / "sweep.json").write_text(json.dumps({"command": command, "points": points}))
    monkeypatch.chdir(tmp_path / "runs" if moved else tmp_path)
    found = study(*find_runs([tmp_path / "runs" / "ablations", controls]), ScoreSettings())
    assert not found.left_out
    assert [(v.name, len(v.runs)) for v in found.variants][3:] == [
        ("full, frames=other_video", 3),
        ("no_memory, frames=other_video", 3),
    ]
    control = found.variants[3].runs[0]
    assert control.config["data.frames"] == "other_video"
    assert not control.curves
    assert found.deltas["predicted"]["full, frames=other_video"]["cider"].counts
