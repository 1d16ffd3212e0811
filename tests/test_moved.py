"""A run, its data, its base model and a story in another folder than the one they were made in."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from toy_experiment import Experiment

from vn.card import FROM_HERE, read_card
from vn.cli import main
from vn.io.paths import candidates, find, relative
from vn.run_paths import MARK, moved, run_path, same_place, with_relative_paths
from vn.train.arguments import expand


@pytest.fixture
def there(smoke_demo, tmp_path, monkeypatch):
    """The demo's files in another place; where they were given to be, there is nothing any more."""
    folder = tmp_path / "there"
    for name in ("runs/demo", "shards", "base-lm", "world/narrate", "story"):
        shutil.copytree(smoke_demo / name, folder / name)
    for file in (folder / "runs/demo/config.yaml", folder / "runs/demo/adapter/narrator.json"):
        text = file.read_text(encoding="utf-8")
        assert str(smoke_demo) in text
        file.write_text(text.replace(str(smoke_demo), "/nowhere/demo"), encoding="utf-8")
    story = folder / "story" / "story.json"
    story.write_text(story.read_text(encoding="utf-8").replace(str(smoke_demo), "/nowhere/demo"), encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return folder


def test_a_way_leads_back(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b" / "c").mkdir(parents=True)
    assert relative(tmp_path / "b" / "c", tmp_path / "a") == "../b/c"
    assert relative(tmp_path / "a", tmp_path) == "./a"
    assert find(["../b/c"], tmp_path / "a") == tmp_path / "b" / "c"
    assert find([None, "", "../x"], tmp_path / "a") is None


def test_a_path_of_an_older_file_is_looked_for_from_here_and_from_above_it(tmp_path, monkeypatch):
    (tmp_path / "work" / "base").mkdir(parents=True)
    run = tmp_path / "work" / "runs" / "demo"
    run.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find(["work/base"], run) == Path("work/base")
    monkeypatch.chdir("/")
    assert find(["work/base"], run) == tmp_path / "work" / "base"
    assert next(candidates(["/a/b"], run)) == Path("/a/b")


def test_a_moved_run_is_found_by_every_command(there, smoke_demo):
    run = there / "runs" / "demo"
    assert read_card(run / "adapter").base_model == str(there / "base-lm")
    assert run_path(run / "config.yaml", "data.folder") == there / "shards"
    words = expand(["test", "--run", str(run)])
    for flag, place in (("--data.folder", there / "shards"), ("--model.base_model", there / "base-lm")):
        assert words[words.index(flag) + 1] == str(place)
    config = run / "config.yaml"
    given = yaml.safe_load(config.read_text(encoding="utf-8"))["data"]["folder"]
    assert same_place("data.folder", given, config, str(there / "shards"))
    assert not same_place("data.folder", given, config, str(smoke_demo / "shards"))
    assert moved(smoke_demo / "runs" / "demo" / "config.yaml") == {}


def test_a_moved_run_is_tested_scored_and_compared(there, capsys):
    run = there / "runs" / "demo"
    arguments = ["--test.storyline", "[given]", "--data.limit", "2", "--out", str(there / "again")]
    assert main(["test", "--run", str(run), *arguments]) == 0
    assert (there / "again" / "predictions.given.jsonl").stat().st_size
    assert main(["score", str(run), "--judge", "none"]) == 0
    assert main(["compare", str(run), "--out", str(there / "compared")]) == 0
    assert "there are no frames" not in capsys.readouterr().out


def test_a_moved_run_narrates_and_a_moved_story_is_edited(there, capsys):
    video = next((there / "world" / "narrate").glob("*.mp4"))
    where = ["--product", str(there / "world/narrate/product.yaml"), "--run", "../there/runs/demo"]
    assert main(["narrate", str(video), *where, "--out", str(there / "new")]) == 0
    data = json.loads((there / "new" / "story.json").read_text(encoding="utf-8"))
    assert data["video"] == f"../world/narrate/{video.name}"
    assert data["record"]["made_with"]["adapter"] == "../runs/demo/adapter"

    file = there / "story" / "story.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    data["clips"][-1]["narration"] = "Mine, all mine."
    file.write_text(json.dumps(data), encoding="utf-8")
    capsys.readouterr()
    assert main(["narrate", "--edit", str(file)]) == 0
    assert "narration of clip" in capsys.readouterr().out
    assert "Mine, all mine." in (there / "story" / "story.srt").read_text(encoding="utf-8")

    data = json.loads(file.read_text(encoding="utf-8"))
    data["clips"][-1]["narration"] = "Mine again."
    file.write_text(json.dumps(data), encoding="utf-8")
    video.rename(there / "gone.mp4")
    capsys.readouterr()
    assert main(["narrate", "--edit", str(file)]) == 2
    error = capsys.readouterr().err
    assert f"no such video (tried {video}" in error
    assert "put its path before --edit" in error
    assert main(["narrate", str(there / "gone.mp4"), "--edit", str(file)]) == 0


def test_what_is_not_found_is_named_with_what_was_tried_and_the_flag(there, capsys):
    run = there / "runs" / "demo"
    (there / "base-lm").rename(there / "moved-base")
    video = next((there / "world" / "narrate").glob("*.mp4"))
    arguments = ["narrate", str(video), "--product", str(there / "world/narrate/product.yaml"), "--run", str(run)]
    assert main([*arguments, "--out", str(there / "new")]) == 2
    error = capsys.readouterr().err
    assert f"the base model is not found (tried {there / 'base-lm'}, " in error
    assert "/nowhere/demo/base-lm" in error
    assert "--base-model" in error
    assert main([*arguments, "--out", str(there / "new"), "--base-model", str(there / "moved-base")]) == 0
    assert main(["test", "--run", str(run), "--out", str(there / "again")]) == 2
    assert "--model.base_model" in capsys.readouterr().err
    found = ["--model.base_model", str(there / "moved-base"), "--data.limit", "1", "--test.storyline", "[given]"]
    assert main(["test", "--run", str(run), "--out", str(there / "again"), *found]) == 0
    (there / "shards").rename(there / "moved-shards")
    assert main(["test", "--run", str(run), "--out", str(there / "again")]) == 2
    error = capsys.readouterr().err
    assert f"the data are not found (tried {there / 'shards'}" in error
    assert "--data.folder" in error


def test_a_run_goes_on_where_it_has_moved_to(tiny_base, data, tmp_path, capsys):
    """The same command with the paths that hold there is the same configuration."""
    one, two = tmp_path / "one", tmp_path / "two"
    shutil.copytree(data, one / "shards")
    experiment = Experiment(one, tiny_base, one / "shards")
    assert experiment("fit", "--trainer.max_steps", "2") == 0
    one.rename(two)
    config = two / "toy.yaml"
    config.write_text(config.read_text().replace(str(one), str(two)))
    again = ["fit", "--config", str(config), "--runs", str(two / "runs"), "--name", "toy", "--trainer.max_steps"]
    assert main([*again, "2"]) == 0
    assert "is finished" in capsys.readouterr().out
    assert main([*again, "3"]) == 2
    assert "this run folder has 2, but it is now 3" in capsys.readouterr().err
    shutil.copytree(two / "shards", two / "other")
    assert main([*again, "2", "--data.folder", str(two / "other")]) == 2
    assert "data.folder" in capsys.readouterr().err


def test_the_ways_are_a_comment(tmp_path):
    (tmp_path / "data").mkdir()
    text = yaml.safe_dump({"data": {"folder": str(tmp_path / "data")}, "model": {"base_model": "smollm2"}})
    noted = with_relative_paths(text, tmp_path / "runs" / "a")
    assert yaml.safe_load(noted) == yaml.safe_load(text)
    assert noted == f'{text}{MARK}{{"data.folder": "../../data"}}\n'
    assert with_relative_paths("name: x\n", tmp_path) == "name: x\n"


def test_a_name_on_the_hub_is_no_path(make, tmp_path):
    from dataclasses import replace

    from vn.adapter import save_adapter

    assembly = make()
    card = replace(assembly.card, base_model="org/name")
    save_adapter(tmp_path / "adapter", replace(assembly, card=card))
    assert FROM_HERE not in json.loads((tmp_path / "adapter" / "narrator.json").read_text())
    assert read_card(tmp_path / "adapter").base_model == "org/name"
