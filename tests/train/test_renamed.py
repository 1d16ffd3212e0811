"""Settings under their old names: as flags, in files, as JSON, and in the run folders of earlier builds."""

import json

import pytest
import yaml

from vn.renamed import RENAMED, with_current_names
from vn.train.dry_run import dry_run


def with_old_names(text):
    return text.replace("folder:", "data:")


@pytest.mark.parametrize("spell", ["flag", "flag=", "file", "json", "dotted json"])
def test_an_old_name_is_read(experiment, data, spell, tmp_path):
    command = ["--config", str(experiment.config), "--runs", str(tmp_path), "--name", "old"]
    more = {
        "flag": ["--data.data", str(data)],
        "flag=": [f"--data.data={data}"],
        "file": [],
        "json": ["--config", json.dumps({"data": {"data": str(data)}})],
        "dotted json": ["--config", json.dumps({"data.data": str(data)})],
    }[spell]
    text = experiment.config.read_text()
    experiment.config.write_text(with_old_names(text) if spell == "file" else text.replace(str(data), "nowhere"))
    problems, _ = dry_run("fit", [*command, *more])
    assert problems == []


def test_a_run_goes_on_under_the_old_name_and_refuses_other_data(experiment, data, capsys):
    assert experiment("fit") == 0
    config = experiment.run_folder() / "config.yaml"
    config.write_text(with_old_names(config.read_text()))
    assert experiment("fit") == 0
    assert "finished" in capsys.readouterr().out
    assert experiment("fit", "--data.data", str(data.parent)) == 2
    assert "data.folder" in capsys.readouterr().err


def test_only_the_renamed_keys_change():
    settings = {"data": {"data": "a", "workers": 1}, "model": {"data": 2}, "trainer": None}
    assert with_current_names(settings) == {
        "data": {"folder": "a", "workers": 1},
        "model": {"data": 2},
        "trainer": None,
    }
    for odd in (None, 3, "data", [], {"data": None}, {"data": "x"}, {"data": ["data"]}):
        assert with_current_names(odd) == odd


def test_no_new_name_is_an_old_one():
    assert not set(RENAMED) & set(RENAMED.values())
    assert yaml.safe_load(yaml.safe_dump(RENAMED)) == RENAMED
