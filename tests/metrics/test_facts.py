"""Fact accuracy: what counts as stated, by where it can be known from."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.demo.film import make_film
from vn.demo.languages import LANGUAGES
from vn.errors import InputError
from vn.metrics.facts import Fact, FactChecker, Values, clip_facts
from vn.score.scorecard import score
from vn.story import Clip, Knowledge, ScriptLabel, Story

OFFERS = Knowledge("Offer", ("two for one", "one free mug", "free mug"))


def story(**facts):
    entries = {name: {"value": value, "from": source} for name, (value, source) in facts.items()}
    labels = (ScriptLabel.CALL_TO_ACTION,)
    return Story("kettle", "t", "en", "ad", (OFFERS,), (Clip(0, 3, labels, "Buy the red one.", entries),))


RED = story(colour=("red", "picture"))
CHECKER = FactChecker(
    [
        RED,
        story(colour=("blue", "picture"), offer=("free mug", "knowledge")),
        story(offer=("one free mug", "knowledge")),
    ],
    "en",
)


@pytest.mark.parametrize(
    ("narration", "right"),
    [
        ("Buy the RED, one.", True),
        ("Tired of this? Hundreds shared it.", False),  # red stands inside words only
        ("Red or blue?", False),  # names another value too
        ("Buy the blue one.", False),
        ("", False),
    ],
)
def test_a_value_is_stated_as_words_and_alone(narration, right):
    assert CHECKER.right(Fact("colour", "red", "picture"), RED, narration, None) is right


def test_the_longer_of_two_values_counts():
    assert CHECKER.right(Fact("offer", "one free mug", "knowledge"), RED, "Get one free mug now.", None)
    assert not CHECKER.right(Fact("offer", "free mug", "knowledge"), RED, "Get one free mug now.", None)


def test_the_label_s_fact_is_any_point_of_its_aspect():
    aspect = Fact("aspect", "Offer", "label")
    assert CHECKER.right(aspect, RED, "Take two for one.", None)
    assert not CHECKER.right(aspect, RED, "Take three for two.", None)


def test_labels_are_compared_as_sets():
    label = Fact("label", "Call to Action", "position")
    assert CHECKER.right(label, RED, "", (ScriptLabel.CALL_TO_ACTION,))
    assert not CHECKER.right(label, RED, "", (ScriptLabel.CALL_TO_ACTION, ScriptLabel.OTHERS))
    assert not CHECKER.right(label, RED, "", None)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"value": "red", "from": "rumour"}, r"clips\[0\].facts.colour.from: expected one of picture, .* got 'rumour'"),
        ({"value": 3, "from": "picture"}, r"clips\[0\].facts.colour: expected a mapping with a value and from"),
        ("red", r"clips\[0\].facts.colour: expected a mapping"),
    ],
)
def test_bad_facts_are_named(entry, message):
    bad = Story("kettle", "t", "en", "ad", (), (Clip(0, 3, None, "x", {"colour": entry}),))
    with pytest.raises(InputError, match=message):
        clip_facts(bad, 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_demo_s_references_state_every_fact(language):
    stories = [make_film(LANGUAGES[language], 0, "test", i).story for i in range(60)]
    checker = FactChecker(stories, language)
    checked = 0
    for each in stories:
        for i, clip in enumerate(each.clips):
            for fact in clip_facts(each, i):
                assert checker.right(fact, each, clip.narration, clip.labels), (each.id, i, fact)
                checked += 1
    assert checked > 800


def lines(stories, change=lambda narration: narration, **fields):
    return [
        {"video": s.id, "clip": i, "narration": change(c.narration), **fields}
        for s in stories
        for i, c in enumerate(s.clips)
    ]


def test_facts_are_part_of_the_scores_by_source_and_only_where_stories_have_them():
    stories = [make_film(LANGUAGES["en"], 0, "test", i).story for i in range(8)]
    data = [s.to_dict() for s in stories]
    perfect = score(lines(stories), data)
    assert perfect["facts"]["value"] == perfect["facts_earlier_picture"]["value"] == 1.0
    assert perfect["facts_position"]["why"] == "no clip has such a fact here"  # no labels were written
    assert perfect["facts"]["coverage"]["facts"] == sum(
        fact.name != "label" for s in stories for i in range(len(s.clips)) for fact in clip_facts(s, i)
    )
    silent = score(lines(stories, lambda narration: "Nothing."), data)
    assert silent["facts"]["value"] == 0.0
    labelled = score([line | {"labels": ["Others"]} for line in lines(stories)], data)
    assert 0 < labelled["facts_picture"]["value"] < 1
    assert labelled["facts_position"]["coverage"]["facts"] > 0
    assert "facts" not in score(lines([RED]), [{**RED.to_dict(), "clips": [{"start": 0, "end": 3, "narration": "x"}]}])


@given(st.text(max_size=60), st.sampled_from(["en", "zh"]))
def test_any_narration_can_be_checked(text, language):
    checker = FactChecker([RED], language)
    assert checker.right(Fact("colour", "red", "picture"), RED, text, None) in (True, False)


def test_a_fact_of_another_story_counts_beside_the_known_values():
    assert CHECKER.right(Fact("colour", "dark green", "picture"), RED, "Buy the dark green one.", None)
    assert not CHECKER.right(Fact("colour", "dark green", "picture"), RED, "Buy the red and dark green one.", None)
    assert not CHECKER.right(Fact("colour", "!", "picture"), RED, "Buy it!", None)
    assert set(CHECKER.values["colour"]) == {("red",), ("blue",)}


def test_a_narration_is_not_compared_with_every_value():
    """A test may have one value per video: only those of a narration's own words are looked at."""

    class Counted(Values):
        asked = 0

        def __contains__(self, value):
            Counted.asked += 1
            return super().__contains__(value)

    values = Counted(("aurora", "kettle", str(n)) for n in range(1000))
    assert FactChecker([], "en").stated("See the Aurora kettle 17.", values) == {("aurora", "kettle", "17")}
    assert Counted.asked < 10


def test_values_inside_longer_ones_do_not_count_by_definition_either():
    rng = random.Random(0)
    checker = FactChecker([], "en")
    for _ in range(300):
        units = [rng.choice("abc") for _ in range(rng.randint(0, 12))]
        values = {tuple(rng.choice("abc") for _ in range(rng.randint(1, 4))) for _ in range(5)}
        spans = [(i, i + len(v), v) for v in values for i in range(len(units)) if tuple(units[i : i + len(v)]) == v]
        outer = {v for a, b, v in spans if not any(c <= a and b <= d and (c, d) != (a, b) for c, d, _ in spans)}
        assert checker.stated(" ".join(units), Values(values)) == outer
