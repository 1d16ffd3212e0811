"""What cannot be ordered is refused in one sentence that names it."""

import json
import os
import shutil

import pytest
from small_video import write_video

from vn.card import write_card
from vn.cli import main
from vn.errors import InputError
from vn.ordered import Ordered, Result, read_result, read_results, write_result


@pytest.fixture
def place(tmp_path):
    write_video(tmp_path / "a.mp4", 2)
    write_video(tmp_path / "b.mp4", 3)
    (tmp_path / "product.yaml").write_text("title: Kettle\nlanguage: en\ndomain: ad\nknowledge: []\n")
    return tmp_path


def refused(capsys, *words):
    assert main([str(word) for word in words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_clips_that_cannot_be_ordered(place, capsys):
    product = ["--product", place / "product.yaml", "--method", "labels"]
    a, b = place / "a.mp4", place / "b.mp4"
    assert "a.mp4: an order needs two clips or more, got one" in refused(capsys, "order", a, *product)
    shutil.copy(a, place / "c.mp4")
    assert f"c.mp4: is the same clip as {a}" in refused(capsys, "order", a, b, place / "c.mp4", *product)
    assert "is the same clip as" in refused(capsys, "order", a, b, a, *product)
    assert "no.mp4: no such video" in refused(capsys, "order", a, place / "no.mp4", *product)
    (place / "d.mp4").write_text("this is no video")
    strange = shutil.copy(place / "b.mp4", os.fsdecode(bytes(place) + b"/\xff.mp4"))
    assert "has a name that is not UTF-8" in refused(capsys, "order", a, strange, *product)
    assert "d.mp4: not a video that can be read" in refused(capsys, "order", a, place / "d.mp4", *product)
    assert "say what the clips are about" in refused(capsys, "order", a, b)
    assert "needed: give their data folder with --data" in refused(capsys, "order", a, b, *product)
    (place / "labels.yaml").write_text("- Sore Point\n")
    assert "has 1 labels, but there are 2 clips" in refused(
        capsys, "order", a, b, *product, "--storyline", place / "labels.yaml"
    )
    (place / "cut.yaml").write_text("title: K\nlanguage: en\nclips: [{start: 0, end: 2}]\n")
    assert "cut.yaml: clips: has clips of its own" in refused(capsys, "order", a, b, "--product", place / "cut.yaml")


def test_methods_that_are_none(place, data, capsys):
    a, b = place / "a.mp4", place / "b.mp4"
    product = ["--product", place / "product.yaml"]
    assert "no method 'label'" in refused(capsys, "order", a, b, *product, "--method", "label")
    assert "one method is needed" in refused(capsys, "order", a, b, *product, "--method", "labels,transitions")
    assert "a trained narrator is needed" in refused(
        capsys, "order", a, b, *product, "--data", data, "--method", "likelihood"
    )
    out = ["--data", data, "--out", place / "out"]
    assert "name the chat model with --chat" in refused(capsys, "order", *out, "--method", "chat")
    assert "--orders: expected 1 or more" in refused(capsys, "order", *out, "--orders", "0")
    assert "say where results are written" in refused(capsys, "order", "--data", data)
    assert "with --data (that of nosuch is not found)" in refused(capsys, "order", "--run", "nosuch")
    storyline = ["--storyline", place / "product.yaml"]
    assert "--storyline: is for clips that are files" in refused(capsys, "order", *out, *storyline)
    assert main(["order", *map(str, out), "--limit", "0"]) == 2
    assert "argument --limit: expected 1 or more, got 0" in capsys.readouterr().err


def test_a_narrator_of_another_language_is_refused(place, card, capsys):
    """Its texts would be in the wrong one."""
    (place / "adapter").mkdir()
    write_card(place / "adapter", card)
    (place / "zh.yaml").write_text("title: 水壶\nlanguage: zh\ndomain: ad\nknowledge: []\n")
    words = ["order", place / "a.mp4", place / "b.mp4", "--product", place / "zh.yaml", "--adapter", place / "adapter"]
    assert "zh.yaml: language: is 'zh', but the narrator was trained on 'en'" in refused(capsys, *words)


def test_narrate_unordered_takes_clips_alone(place, capsys):
    a, b, product = place / "a.mp4", place / "b.mp4", place / "product.yaml"
    unordered = ["narrate", "--unordered", a, b, "--product", product, "--out", place / "out"]
    assert "leave out --storyline" in refused(capsys, *unordered, "--storyline", product)
    assert "is one video; leave out --videos" in refused(capsys, *unordered, "--videos", place)
    assert "is a method of vn order" in refused(capsys, *unordered, "--method", "chat")
    assert "got one" in refused(capsys, "narrate", "--unordered", a, "--product", product, "--out", place / "out")
    assert not (place / "out" / "clips.mp4").exists()


def test_a_test_on_shuffled_clips_is_the_same_for_every_method(data, place, capsys):
    out = place / "out"
    for method in ("labels", "transitions"):
        assert main(["order", "--data", str(data), "--method", method, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "tau of transitions minus labels" in printed
    assert "no numbers to compare with" in printed
    one, other = (read_result(out / f"order.{name}.given.json") for name in ("labels", "transitions"))
    assert [(v.id, v.given) for v in one.videos] == [(v.id, v.given) for v in other.videos]
    assert all(sorted(v.found) == list(range(len(v.given))) for v in (*one.videos, *other.videos))


def test_a_test_on_the_training_stories_comes_with_a_warning(data, place, capsys):
    for split, warned in (("train", True), ("test", False)):
        assert main(["order", "--data", str(data), "--split", split, "--method", "labels", "--out", str(place)]) == 0
        assert ("the methods go by these very stories" in capsys.readouterr().err) == warned


def test_labels_alone_are_tested_without_loading_the_narrator(data, place):
    """It may be on another machine, or its base model be gone."""
    (place / "adapter").mkdir()
    given = ["--adapter", str(place / "adapter"), "--data", str(data), "--out", str(place / "out")]
    assert main(["order", *given, "--method", "labels,transitions"]) == 0


def test_results_come_back_and_damage_is_named(tmp_path):
    result = Result(
        "labels", "given", {"seed": 0}, (Ordered("a", (1, 0), (0, 1), 0.5), Ordered("b", (0, 1), (1, 0))), {}
    )
    file = write_result(tmp_path, result)
    assert read_result(file) == result
    file.write_text(file.read_text().replace('"found"', '"fond"'))
    with pytest.raises(InputError, match=r"order\.labels\.given\.json: is damaged"):
        read_result(file)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda data: data | {"made_from": [1]}, "made_from and cost have names and values"),
        (lambda data: data | {"cost": [1]}, "made_from and cost have names and values"),
        (lambda data: data | {"videos": [data["videos"][0]] * 2}, "a video is in it twice"),
        (lambda data: data | {"videos": [data["videos"][0] | {"given": [0, 1, 2]}]}, "3 clips as given and 2 as found"),
        (lambda data: data | {"videos": [data["videos"][0] | {"found": ["0", "1"]}]}, "an order of two clips or more"),
        (lambda data: data | {"method": "transitions"}, "has the results of order.transitions.given.json"),
    ],
)
def test_damaged_results_are_refused(tmp_path, change, why):
    file = write_result(tmp_path, Result("labels", "given", {"seed": 0}, (Ordered("a", (1, 0), (0, 1), 0.5),), {}))
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(InputError, match=why) as raised:
        read_results(tmp_path)
    assert "order.labels.given.json" in str(raised.value)


def test_copies_of_results_do_not_count(tmp_path):
    """They would be another run of the variant in vn compare, and printed instead of the new ones."""
    one = Result("labels", "given", {"seed": 0}, (Ordered("a", (1, 0), (0, 1)),), {})
    file = write_result(tmp_path, one)
    shutil.copy(file, tmp_path / "order.labels.given.before.json")
    assert read_results(tmp_path) == [one]
