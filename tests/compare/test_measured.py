"""Runs are measured in parallel, and once: what is cached equals a new measurement; another test is another entry."""

from dataclasses import replace

import numpy as np
import pytest
from finished_runs import make_stories, write_run

from vn.compare import measured
from vn.compare.measured import measure_all
from vn.compare.runs import find_runs
from vn.io.disk_cache import DiskCache
from vn.score.measures import measure
from vn.score.serialise import method
from vn.score.settings import ScoreSettings
from vn.score.sums import Measure


@pytest.fixture(scope="module")
def tests(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        write_run(folder / f"full-seed{seed}", make_stories(8), seed=seed)
    return [(run.name, run.tests["predicted"]) for run in find_runs([folder])[0]]


def same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, each in theirs.items():
        if not isinstance(each, Measure):
            assert ours[name] == each
            continue
        for field in ("videos", "tokenisation", "variant", "coverage", "model", "clips", "notes", "value"):
            assert getattr(ours[name], field) == getattr(each, field), (name, field)
        np.testing.assert_array_equal(ours[name].sums, each.sums)
        assert (ours[name].rows is None) == (each.rows is None)
        assert each.rows is None or np.array_equal(ours[name].rows, each.rows)
    return True


@pytest.mark.parametrize("processes", [False, True])
def test_what_is_kept_is_what_measuring_gives(tests, tmp_path, monkeypatch, processes):
    monkeypatch.setattr(measured, "MANY", 0 if processes else 10**9)
    steps = []
    for _ in range(2):
        cache = DiskCache(tmp_path / "cache.sqlite")
        found = measure_all(tests, ScoreSettings(), cache, steps.append)
        cache.close()
        assert all(same(ours, measure(test, ScoreSettings())) for ours, (_, test) in zip(found, tests, strict=True))
    assert sorted(steps) == sorted([f"measured {n} of 2: " + s.split(": ")[1] for n, s in enumerate(steps, 1)])
    assert {s.split(": ")[1] for s in steps} == {"full-seed0", "full-seed1"}  # the second time, nothing


def test_another_text_or_way_is_measured_anew(tests, tmp_path):
    cache = DiskCache(tmp_path / "cache.sqlite")
    name, test = tests[0]
    (before,) = measure_all([(name, test)], ScoreSettings(), cache)
    changed = replace(test, clips=(replace(test.clips[0], narration="Quite other words."), *test.clips[1:]))
    (other,) = measure_all([(name, changed)], ScoreSettings(), cache)
    assert other["bleu_1"].value != before["bleu_1"].value
    (words,) = measure_all([(name, test)], ScoreSettings("words"), cache)
    assert words["bleu_1"].tokenisation == "words"
    (again,) = measure_all([(name, test)], ScoreSettings(), cache)
    assert same(again, before)


def test_a_user_dictionary_is_known_by_what_it_says(tmp_path):
    first, second = tmp_path / "words.txt", tmp_path / "a" / "words.txt"
    second.parent.mkdir()
    for file in (first, second):
        file.write_text("云杯 l\n", encoding="utf-8")
    before = method(ScoreSettings(user_dictionary=first), "zh")
    assert before == method(ScoreSettings(user_dictionary=second), "zh") != method(ScoreSettings(), "zh")
    first.write_text("云杯 n\n", encoding="utf-8")
    assert method(ScoreSettings(user_dictionary=first), "zh") != before
