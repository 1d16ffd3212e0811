"""The statistics against plain loops, and what must hold whatever the stories are."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stats_by_loops import percentile, statistics

from vn.stats.measure import Tally, lacking
from vn.stats.measures import MEASURES, label_distance
from vn.stats.spread import Spread
from vn.stats.table1 import row
from vn.story import Clip, Knowledge, ScriptLabel, Story

LABELS = list(ScriptLabel)
WORDS = {"en": ["red", "kettle,", "boils", "Tea!", "don't", "99%"], "zh": list("好用的水壶，一分钟烧开！5元")}


@st.composite
def some_stories(draw):
    """Stories in either language with gaps, clips that lack something, and clips with several labels."""
    source = random.Random(draw(st.integers(0, 2**32)))
    stories = []
    for n in range(draw(st.integers(1, 6))):
        language = source.choice(["en", "zh"])
        at, clips = 0.0, []
        for _ in range(source.randint(1, 7)):
            at += source.choice([0, 0, 1, 2.5])
            end = at + source.choice([1, 2, 3.5, 12])
            labels = tuple(source.sample(LABELS, source.randint(1, 3))) if source.random() < 0.8 else None
            words = [source.choice(WORDS[language]) for _ in range(source.randint(1, 40))]
            text = ("" if language == "zh" else " ").join(words) if source.random() < 0.8 else None
            clips.append(Clip(at, end, labels, text))
            at = end
        points = tuple(
            source.choice(["red kettle", "boils", "tea boils", "烧开", "水壶一分", "kett"]) for _ in range(3)
        )
        known = (Knowledge("what", points),) if source.random() < 0.8 else ()
        stories.append(Story(f"s{n}", "A title", language, "ad", known, tuple(clips)))
    return stories


def counted(stories):
    tally = Tally()
    for story in stories:
        tally.add(story)
    return tally.to_dict()


def as_json(story):
    """A story's JSON with English label names, which is what the loops read."""
    data = story.to_dict()
    for clip, own in zip(data["clips"], story.clips, strict=True):
        if own.labels:
            clip["labels"] = [label.en for label in own.labels]
    return data


def check(stories):
    ours, theirs = counted(stories), statistics([as_json(story) for story in stories])
    times, texts, labels, known = (ours[part] for part in ("times", "texts", "labels", "knowledge"))
    assert (ours["videos"], times["clips"]) == (theirs["videos"], theirs["clips"])
    assert times["clips_per_video"]["mean"] == pytest.approx(theirs["clips_per_video"])
    for spread, values in (
        (times["clip_seconds"], theirs["clip_seconds"]),
        (texts["words_per_clip"], theirs["clip_words"]),
    ):
        if not values:
            assert spread is None
            continue
        assert spread["count"] == len(values)
        assert spread["sum"] == pytest.approx(sum(values))
        assert spread["median"] == pytest.approx(percentile(values, 0.5))
        assert spread["p5"] == pytest.approx(percentile(values, 0.05))
        assert spread["p95"] == pytest.approx(percentile(values, 0.95))
        assert (spread["least"]["value"], spread["most"]["value"]) == (min(values), max(values))
    assert texts["words"] / ours["videos"] == pytest.approx(theirs["words_per_video"])
    assert texts["words_per_second"] == pytest.approx(theirs["words_per_second"])
    assert texts["word_range"] == theirs["fits"]
    assert labels["counts"] == theirs["labels"]
    assert {(t["from"], t["to"]): t["count"] for t in labels["transitions"]} == theirs["pairs"]
    assert labels["labelled_clips"] == theirs["labelled"]
    assert sum(each["count"] for each in labels["combinations"]) == theirs["together"]
    assert (times["gaps"]["seconds"] or {"count": 0})["count"] == theirs["gaps"]
    with_points = [n for n in theirs["points"] if n]
    assert known["videos"] == len(with_points)
    narrated = [
        (used, points)
        for used, points, story in zip(theirs["used"], theirs["points"], stories, strict=True)
        if points and story.narrated
    ]
    if narrated:
        share = sum(used / points for used, points in narrated) / len(narrated)
        assert known["used_per_video"]["mean"] == pytest.approx(share)


@given(some_stories())
def test_they_are_those_of_plain_loops(stories):
    check(stories)


@given(some_stories(), some_stories())
def test_they_add_up_in_any_order(one, other):
    both, turned = counted([*one, *other]), counted([*other[::-1], *one[::-1]])
    assert both["videos"] == len(one) + len(other)
    assert both["labels"]["counts"] == turned["labels"]["counts"]
    assert both["texts"]["words"] == turned["texts"]["words"]
    assert both["texts"]["vocabulary"]["distinct"] == turned["texts"]["vocabulary"]["distinct"]
    for measure in MEASURES:
        assert measure.number(both) == pytest.approx(measure.number(turned)), measure.name
        assert measure.difference(both, both) in ("-", measure.difference(turned, turned))
    assert sum(both["times"]["clips_per_video_histogram"]) == both["videos"]
    assert sum(both["times"]["clip_seconds_histogram"]) == both["times"]["clips"]
    assert label_distance(both, turned) in (None, 0.0)
    json.dumps(both, allow_nan=False)


@given(some_stories())
def test_whatever_a_story_lacks_is_named(stories):
    ours = counted(stories)
    for story in stories:
        for what in lacking(story):
            assert story.id in ours["without"][what]
    assert {i for ids in ours["without"].values() for i in ids} == {s.id for s in stories if list(lacking(s))}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_a_spread_names_the_first_of_equal_ends(values):
    spread = Spread()
    for n, value in enumerate(values):
        spread.add(value, str(n))
    made = spread.to_dict()
    assert made["least"] == {"value": min(values), "of": str(values.index(min(values)))}
    assert made["most"] == {"value": max(values), "of": str(values.index(max(values)))}
    assert min(values) <= made["p5"] <= made["median"] <= made["p95"] <= max(values)


def test_overlaps_gaps_and_order():
    """4 s between 0 and 4, 1 s twice, a gap of 2 s; the last clip of the file starts before the one above it."""
    clips = (Clip(0, 4), Clip(3, 6), Clip(10, 12), Clip(8, 9))
    times = counted([Story("a", "Kettle", "en", "ad", (), clips)])["times"]
    assert times["overlaps"] == {"videos": 1, "seconds": times["overlaps"]["seconds"]}
    assert times["overlaps"]["seconds"]["sum"] == 1.0
    assert times["overlaps"]["seconds"]["most"]["of"] == "a at clip 2"
    assert (times["gaps"]["seconds"]["count"], times["gaps"]["seconds"]["sum"]) == (2, 3.0)
    assert times["clips_out_of_order"] == 1


def test_a_story_without_clips_is_named_and_counted_in_nothing_else():
    ours = counted([Story("a", "Kettle", "en", "ad", (Knowledge("x", ("y",)),), ())])
    assert ours["videos"] == 0
    assert ours["without"] == {"clips": ["a"]}
    assert ours["knowledge"]["points_per_video"] is None
    assert row("none", ours).cells == ("none", "Video", "-", "0", "-", "-", "-")


def test_the_title_is_no_knowledge():
    """So the row of Video Storytelling, whose topic is its title, says Video as the paper does."""
    clips = (Clip(0, 4, None, "The guests arrive."),)
    ours = counted([Story("a", "wedding", "en", "general", (Knowledge("topic", ("wedding",)),), clips)])
    assert row("mine", ours).cells == ("mine", "Video", "-", "1", "1.0", "3.0 (en)", "0.75")


def test_labels_in_part_are_said():
    clips = (Clip(0, 4, (ScriptLabel.EFFECT,)), Clip(4, 8), Clip(8, 9))
    assert row("mine", counted([Story("a", "A", "zh", "ad", (), clips)])).cells[2] == "in part (33.3%)"
