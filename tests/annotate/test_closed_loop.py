"""The rates of the closed loop, on results made by hand."""

import json
import sys
from pathlib import Path

import pytest

from vn.story import Clip, ScriptLabel, Story

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from loop.measure import measure, rates
from loop.table import annotation_table

SORE, EFFECT, OFFER = ScriptLabel.SORE_POINT, ScriptLabel.EFFECT, ScriptLabel.CALL_TO_ACTION
CLIPS = (
    Clip(0, 3, (SORE,), "Tired of cold tea?"),
    Clip(3, 7, (EFFECT, SORE), "It boils in two minutes."),
    Clip(7, 10, (OFFER,), "Order today."),
)
STORY = Story("test-00000", "Kettle", "en", "ad", (), CLIPS)


def results(clips, texts, labels):
    return {
        "shots": {"duration": 10.0, "clips": clips, "fingerprint": []},
        "speech": {"language": "en", "words": [], "texts": texts, "kind": "speech"},
        "labels": {"labels": labels},
    }


RIGHT = results(
    [[0, 3], [3, 7], [7, 10]],
    ["tired of cold tea", "It boils in 2 minutes", "Order today!"],
    [["Sore Point"], ["Sore Point", "Product Effect"], ["Call to Action"]],
)


def test_what_is_right_has_no_errors():
    counts = measure(STORY, RIGHT)
    assert counts == {
        "cuts, precision": (2, 2),
        "cuts, recall": (2, 2),
        "extra clips": (0, 3),
        "missed clips": (0, 3),
        "recognised: error rate": (0, 11),
        "recognised: in another clip": (0, 11),
        "recognised: clips with the right text": (3, 3),
        "labels, in common": (3, 3),
        "labels, the same": (3, 3),
    }


def test_each_error_is_counted_where_it_is():
    found = results(
        [[0, 3.2], [3.2, 5], [5, 10]],  # the second cut is in the middle of a clip, the third is missing
        ["Tired of cold tea", "Hit boils in", "two minutes order"],
        [None, ["Product Effect"], ["Sore Point", "Call to Action"]],
    )
    found["refine"] = {"texts": ["Tired of cold tea", "It boils in two", "minutes order today"], "refused": []}
    counts = measure(STORY, found)
    assert counts["cuts, precision"] == (1, 2) == counts["cuts, recall"]
    # 5 to 10 has 3 of 5 s in common with the last clip, 3.2 to 5 only 1.8 of 4 with the second.
    assert (counts["extra clips"], counts["missed clips"]) == ((1, 3), (1, 3))
    assert counts["recognised: error rate"] == (2, 11)  # hit for it; today is missing
    assert counts["recognised: in another clip"] == (2, 9)  # two minutes
    assert counts["recognised: clips with the right text"] == (1, 3)
    assert counts["refined: error rate"] == (0, 11)
    assert counts["refined: in another clip"] == (1, 11)
    assert counts["labels, in common"] == (1, 2)
    assert counts["labels, the same"] == (0, 2)


def test_rates_are_of_sums_over_videos():
    counts = [{"a": (1, 2), "b": (0, 0)}, {"a": (1, 8)}, {"a": (0, 0)}]
    found = rates(counts)
    assert set(found) == {"a"}
    value, (low, high) = found["a"]
    assert value == pytest.approx(0.2)
    assert low == pytest.approx(0.125)
    assert high == pytest.approx(0.5)


def test_the_table_is_of_whole_videos(tmp_path, capsys):
    world, stages = tmp_path / "world", tmp_path / "work" / "stories" / "sound" / "stages"
    (world / "test").mkdir(parents=True)
    for video in ("test-00000", "test-00001"):
        (world / "test" / f"{video}.json").write_text(json.dumps(STORY.to_dict() | {"id": video}))
    for stage, result in RIGHT.items():
        (stages / stage).mkdir(parents=True)
        (stages / stage / "test-00000.json").write_text(json.dumps({"result": result}))
    (stages / "shots" / "test-00001.json").write_text(json.dumps({"result": RIGHT["shots"]}))  # interrupted here
    annotation_table([(tmp_path, tmp_path / "work")], ["test-00000", "test-00001", "test-00002"])
    printed = capsys.readouterr().out
    assert "sound, 1 videos" in printed
    assert "| recognised: error rate | 0.0 % |" in printed
