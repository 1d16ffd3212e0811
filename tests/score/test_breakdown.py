"""Scores by label, position and duration."""

import copy

import numpy as np
import pytest
from test_scorecard import STORIES, lines_of, make_lines, make_story, worse

from vn.errors import InputError
from vn.metrics.cider import cider_segments
from vn.metrics.tokenisation import ptb
from vn.score.breakdown import DURATIONS, POSITIONS
from vn.score.scorecard import score

LABELS = ["Sore Point", "Others", "Sore Point+Others", "Product Trial"]


def labelled():
    stories = copy.deepcopy(STORIES)
    for story in stories:
        for clip, labels in zip(story["clips"], LABELS, strict=True):
            clip["labels"] = labels.split("+")
    return stories


def test_groups_partition_the_clips_and_average_to_the_whole():
    stories = labelled()
    lines = [line for story in stories for line in make_lines(story, worse)]
    scores = score(lines, stories, by=("label", "position", "duration"))
    for name in ("cider", "word_length_accuracy"):
        parts = scores[name]["by"]
        assert {g: p["clips"] for g, p in parts["label"].items()} == {
            "Others": 12,
            "Product Trial": 6,
            "Sore Point": 12,
        }
        assert next(iter(parts["position"])) == "first"
        assert set(parts["position"]) <= set(POSITIONS)
        assert list(parts["duration"]) == ["3-6 s"]
        for way in ("position", "duration"):
            clips = sum(p["clips"] for p in parts[way].values())
            mean = sum(p["value"] * p["clips"] for p in parts[way].values()) / clips
            assert clips == 24
            assert mean == pytest.approx(scores[name]["value"])
        for part in parts["label"].values():
            assert part["interval"][0] <= part["value"] <= part["interval"][1]
    assert "by" not in scores["intra_repetition"], "it is one of whole videos"
    assert "by" not in score(lines, stories)["cider"]


def test_cider_of_a_part_keeps_the_document_frequencies_of_the_whole():
    lines = lines_of(worse)
    first = score(lines, STORIES, by=("position",))["cider"]["by"]["position"]["first"]
    segments = cider_segments([ptb(x["narration"]) for x in lines], [[ptb(x["reference"])] for x in lines])
    assert first["value"] == pytest.approx(np.mean(segments[::4]))


def test_durations_and_unknown_ways():
    story = make_story("v")
    for clip, (start, end) in zip(story["clips"], [(0, 2), (2, 5), (5, 11), (11, 30)], strict=True):
        clip |= {"start": start, "end": end}
    by = score(make_lines(story), [story], by=("duration",))["bleu_1"]["by"]["duration"]
    assert list(by) == list(DURATIONS)
    assert all(part["interval"] is None for part in by.values()), "one video only"
    with pytest.raises(InputError, match="no breakdown by 'colour'"):
        score(make_lines(story), [story], by=("colour",))
    assert "by" not in score(make_lines(story), by=("duration",))["bleu_1"], "no story says the durations"
