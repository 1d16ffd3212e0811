"""`vn rate merge`: what it computes from ratings that are known (simulated), and the files it refuses."""

import csv
import json
import re
from itertools import combinations

import numpy as np
import pytest
from agreement_by_loops import alpha, pearson
from simulated_ratings import (
    CRITERIA,
    SYSTEMS,
    key_of,
    make_kit,
    matrix,
    saved,
    simulate,
    with_check,
    write_saved,
    write_world,
)

from vn.cli import main

RATERS = 5


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def kit(runs, tmp_path):
    return make_kit(tmp_path, runs, "--stories", "6", "--raters", RATERS)


def merge(kit, files, *words):
    out = kit.with_name("ratings.json")
    assert main(["rate", "merge", *files, "--out", str(out), *map(str, words)]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def error_of(capsys, kit, files, *words):
    capsys.readouterr()
    assert main(["rate", "merge", *map(str, files), "--out", str(kit.with_name("r.json")), *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    assert not kit.with_name("r.json").exists()
    return error


def value(entry):
    return entry["value"]


class TestNumbers:
    @pytest.fixture(autouse=True)
    def merged(self, kit):
        self.key = key_of(kit)
        self.ratings = simulate(self.key)
        self.given = matrix(self.key, self.ratings)
        self.found = merge(kit, write_saved(kit, self.ratings))
        self.csv = kit.with_name("ratings.csv")

    def test_means_and_both_readings_of_the_geometric_mean(self):
        for m, system in enumerate(self.key["systems"]):
            own, means = self.found["systems"][system], self.given[:, :, m].mean(axis=(0, 1))
            assert [value(own[c]) for c in CRITERIA] == pytest.approx(list(means))
            assert value(own["geometric_mean"]) == pytest.approx(np.prod(means) ** (1 / 3))
            each = np.cbrt(np.prod(self.given[:, :, m], axis=-1)).mean()
            assert value(own["geometric_mean_of_ratings"]) == pytest.approx(each)
            assert each < value(own["geometric_mean"])
            for column in (*CRITERIA, "geometric_mean"):
                low, high = own[column]["interval"]
                assert low < value(own[column]) < high

    def test_agreement_is_that_computed_apart(self):
        for name, own in {"all": slice(None), "coherence": slice(2, 3)}.items():
            flat, there = self.given[..., own].reshape(RATERS, -1), self.found["agreement"][name]
            assert value(there["pearson"]) == pytest.approx(pearson(flat))
            assert value(there["alpha_ordinal"]) == pytest.approx(alpha(flat, True))
            assert value(there["alpha_interval"]) == pytest.approx(alpha(flat, False))
            between = RATERS * np.var(flat.mean(axis=0), ddof=1)
            within = np.mean(np.var(flat, axis=0, ddof=1))
            assert value(there["ICC(1,1)"]) == pytest.approx((between - within) / (between + (RATERS - 1) * within))
            assert value(there["ICC(1,k)"]) == pytest.approx((between - within) / between)

    def test_differences_are_paired_and_corrected(self):
        pairs = [(d["first"], d["second"]) for d in self.found["differences"] if d["column"] == "coherence"]
        assert pairs == list(combinations(self.key["systems"], 2))
        for d in self.found["differences"]:
            means = [value(self.found["systems"][name][d["column"]]) for name in (d["first"], d["second"])]
            assert d["value"] == pytest.approx(means[1] - means[0])
            assert d["low"] <= d["value"] <= d["high"]
            assert 0 < d["p_value"] <= 1

    def test_the_csv_has_every_rating_by_system(self):
        with open(self.csv, newline="") as file:
            rows = list(csv.DictReader(file))
        videos = {about["video"]: story for story, about in self.key["stories"].items()}
        found = {(x["rater"], videos[x["video"]], x["system"]): tuple(int(x[c]) for c in CRITERIA) for x in rows}
        assert found == self.ratings


def test_missing_raters_and_open_ratings_are_counted_and_named(kit, capsys):
    key = key_of(kit)
    ratings = simulate(key)
    left_open = [place for place in ratings if place[0] == "02"][:4]
    half = {place: points for place, points in ratings.items() if place not in left_open}
    found = merge(kit, write_saved(kit, half, ["01", "02", "05"]))
    error = capsys.readouterr().err
    assert "no file from 2 of 5 raters: 03, 04" in error
    assert "rater 02 left 12 of 54 ratings open" in error
    assert found["missing_raters"] == ["03", "04"]
    assert found["open_ratings"] == {"02": 12}
    given = matrix(key, {p: x for p, x in half.items() if p[0] in ("01", "02", "05")})[[0, 1, 4]]
    assert value(found["agreement"]["all"]["alpha_ordinal"]) == pytest.approx(alpha(given.reshape(3, -1), True))
    assert value(found["agreement"]["all"]["pearson"]) == pytest.approx(pearson(given.reshape(3, -1)))
    for m, system in enumerate(key["systems"]):
        assert value(found["systems"][system]["relevance"]) == pytest.approx(np.nanmean(given[:, :, m, 0]))


def test_raters_who_are_off_are_named_and_left_out_only_if_asked(kit, capsys):
    key = key_of(kit)
    ratings = simulate(key, noise=0.3)
    for place, points in ratings.items():
        if place[0] == "02":
            ratings[place] = (2, 2, 2)
        elif place[0] == "03":
            ratings[place] = tuple(3 - p for p in points)
        elif place[0] == "04":
            ratings[place] = (*points[:2], 1)
    files = write_saved(kit, ratings)
    data = saved(kit, "05", ratings, seconds=0)
    data["ratings"][0]["seconds"] = 1
    (kit / "ratings-05.json").write_text(json.dumps(with_check(data)))
    found = merge(kit, files)
    error = capsys.readouterr().err
    assert "rater 02 is off: gave 2 everywhere (counted; --leave-out 02 leaves it out)" in error
    assert re.search(r"rater 03 is off: correlates by -0\.\d\d with the mean of the others \(counted", error)
    assert "rater 04 is off: gave the same rating everywhere for coherence (counted" in error
    assert "rater 05 is off: had stories on screen for 0 % of their length (median) (counted" in error
    assert "rater 01 is off" not in error
    assert found["raters"] == ["01", "02", "03", "04", "05"]
    fewer = merge(kit, files, "--leave-out", "02", "--leave-out", "03")
    error = capsys.readouterr().err
    assert "left out: rater 02, 03" in error
    assert "rater 02 is off: gave 2 everywhere (left out)" in error
    assert fewer["raters"] == ["01", "04", "05"]
    kept = matrix(key, ratings)[[0, 3, 4]]
    assert value(fewer["agreement"]["all"]["alpha_interval"]) == pytest.approx(alpha(kept.reshape(3, -1), False))


def test_ratings_that_are_all_equal_have_no_agreement_and_no_error(kit, capsys):
    ratings = dict.fromkeys(simulate(key_of(kit)), (2, 2, 2))
    found = merge(kit, write_saved(kit, ratings))
    assert {value(entry) for entry in found["agreement"]["all"].values()} == {None}
    assert [value(found["systems"][s]["geometric_mean"]) for s in SYSTEMS] == pytest.approx([2, 2, 2])
    assert "fewer than two raters whose ratings vary" in capsys.readouterr().err


def test_a_story_of_no_length_can_be_merged(kit, capsys):
    """A story file may have a clip that ends where it starts; such a kit must not be lost after it was rated."""
    key_file = kit.with_name("kit.key.json")
    key = json.loads(key_file.read_text())
    key["stories"]["s01"]["seconds"] = 0.0
    key_file.write_text(json.dumps(key))
    found = merge(kit, write_saved(kit, simulate(key), seconds=30))
    others = [30 / about["seconds"] for about in key["stories"].values() if about["seconds"]]
    assert found["by_rater"]["01"]["pace"] == pytest.approx(np.median(others))


def test_one_rater_alone_has_means_and_no_agreement(kit):
    found = merge(kit, write_saved(kit, simulate(key_of(kit)), ["03"]))
    assert value(found["agreement"]["all"]["pearson"]) is None
    assert value(found["systems"]["no_memory"]["coherence"]) is not None


# -- what is refused --------------------------------------------------------------------------------------------------


def change(file, edit, check=True):
    data = json.loads(file.read_text())
    edit(data)
    file.write_text(json.dumps(with_check(data) if check else data))
    return file


@pytest.fixture
def files(kit):
    return [kit / name for name in map(str, write_saved(kit, simulate(key_of(kit))))]


def test_a_file_that_was_edited(kit, files, capsys):
    change(files[1], lambda d: d["ratings"][3].update(coherence=(d["ratings"][3]["coherence"] + 1) % 4), check=False)
    assert "ratings-02.json: was changed after the page saved it" in error_of(capsys, kit, files)


def test_a_rater_twice(kit, files, capsys, tmp_path):
    copy = tmp_path / "again.json"
    copy.write_text(files[2].read_text())
    error = error_of(capsys, kit, [*files, copy], "--key", kit.with_name("kit.key.json"))
    assert "again.json: is of rater 03, whose file is also" in error


def test_a_file_of_another_kit(kit, files, capsys, runs, tmp_path):
    other = make_kit(tmp_path / "other", runs, "--stories", "6", "--raters", RATERS, "--seed", "9")
    foreign = write_saved(other, simulate(key_of(other)), ["04"])
    error = error_of(capsys, kit, [*files[:3], *foreign], "--key", kit.with_name("kit.key.json"))
    assert f"is of another kit ('{key_of(other)['kit']}'" in error


def test_a_page_of_the_kit_with_other_content(kit, files, capsys):
    change(files[0], lambda d: d.update(content="0" * 64))
    assert "rates another page than that of rater 01" in error_of(capsys, kit, files)


@pytest.mark.parametrize("point", [4, -1, 1.5, "2", True, [1]])
def test_a_value_that_is_not_on_the_scale(kit, files, capsys, point):
    change(files[0], lambda d: d["ratings"][0].update(relevance=point))
    error = error_of(capsys, kit, files)
    assert "s01 A: relevance: expected a whole number from 0 to 3" in error


def test_items_that_the_page_does_not_have(kit, files, capsys):
    for edit, wanted in (
        (lambda row: row.update(story="s99"), "the kit has no story 's99'"),
        (lambda row: row.update(version="D"), "expected A or B or C, got 'D'"),
        (lambda row: row.update(version="B"), "s01 B: occurs twice"),
        (lambda row: row.update(seconds=-1), "expected seconds, got -1"),
        (lambda row: row.update(extra=1), "expected story, version, relevance"),
    ):
        before = files[0].read_text()
        change(files[0], lambda d, edit=edit: edit(d["ratings"][0]), check="extra" not in wanted)
        assert wanted in error_of(capsys, kit, files)
        files[0].write_text(before)


def test_a_file_without_a_rating(kit, files, capsys):
    files[3].write_text(json.dumps(saved(kit, "04", {})))
    assert "ratings-04.json: has no rating: rater 04 saved it before rating anything" in error_of(capsys, kit, files)


def test_files_that_are_something_else(kit, files, capsys):
    texts = {
        "[]": "is not a file that a rating page saved",
        "{": "not JSON",
        '{"format": 1, "ratings": []}': "expected a text",
    }
    for text, wanted in texts.items():
        files[0].write_text(text)
        assert wanted in error_of(capsys, kit, files)
    assert "no such file" in error_of(capsys, kit, [kit / "gone.json"]).lower()


def test_a_key_that_is_missing_or_damaged(kit, files, capsys, tmp_path):
    key_file = kit.with_name("kit.key.json")
    assert "no such key; --key names" in error_of(capsys, kit, files, "--key", tmp_path / "none")
    assert "is not the key of a kit" in error_of(capsys, kit, files, "--key", files[0])
    for edit in (
        lambda k: k["raters"]["01"]["order"].pop("s01"),
        lambda k: k["raters"]["01"].pop("order"),
        lambda k: k.update(systems=list(k["systems"])),
        lambda k: k.update(systems=dict.fromkeys(k["systems"], "a run")),
    ):
        data = json.loads(key_file.read_text())
        edit(data)
        (tmp_path / "damaged.json").write_text(json.dumps(data))
        assert "damaged.json" in error_of(capsys, kit, files, "--key", tmp_path / "damaged.json")


def test_raters_to_leave_out_must_be_there(kit, files, capsys):
    assert "there is no file from rater '6'" in error_of(capsys, kit, files, "--leave-out", "6")
    every = [word for n in range(1, 6) for word in ("--leave-out", f"0{n}")]
    assert "no rater is left" in error_of(capsys, kit, files, *every)


def test_the_result_is_json(kit, files, capsys):
    assert main(["rate", "merge", *map(str, files), "--out", str(kit.with_name("x.txt"))]) == 2
    assert "the result is written as .json" in capsys.readouterr().err
