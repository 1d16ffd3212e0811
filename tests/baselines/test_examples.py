"""Few-shot examples: whose they are, and that the same story gets the same ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.baselines.examples import Examples, features, jaccard, usable
from vn.errors import InputError
from vn.story import Clip, Knowledge, ScriptLabel, Story

CLIPS = (Clip(0, 4, (ScriptLabel.OTHERS,), "Look."), Clip(4, 8))


def story(identity, title="Aurora kettle", aspects=("Material",), category=None, video=None):
    knowledge = tuple(Knowledge(aspect, ("x",)) for aspect in aspects)
    return Story(identity, title, "en", "ad", knowledge, CLIPS, video or f"{identity}.mp4", category)


stories = st.lists(
    st.builds(
        story,
        st.integers(0, 40).map("s{}".format),
        st.sampled_from(["Aurora kettle", "Nordica lamp", "奥罗拉水壶", ""]),
        st.lists(st.sampled_from(["Material", "Offer", "Usage", "Award"]), unique=True).map(tuple),
        st.sampled_from([None, "home", "sport"]),
    ),
    min_size=4,
    max_size=12,
    unique_by=lambda s: s.id,
)


@given(stories, st.integers(0, 3), st.integers(0, 2**32), st.randoms())
def test_examples_are_others_of_the_category_first_and_the_same_again(known, count, seed, rng):
    query = known[0]
    chosen = Examples(known, count, seed).of(query)
    assert len({each.id for each in chosen}) == count
    assert query not in chosen
    shuffled = list(known)
    rng.shuffle(shuffled)
    assert Examples(shuffled, count, seed).of(query) == chosen
    left = [each for each in known[1:] if each not in chosen]

    def rank(each):
        same = query.category is not None and each.category == query.category
        return 2 if same else jaccard(features(query), features(each))

    ranks = [rank(each) for each in chosen]
    assert ranks == sorted(ranks), "the best one is nearest to the question"
    assert all(rank(each) <= min(ranks, default=2) for each in left)


def test_another_seed_draws_others_of_the_category():
    known = [story(f"s{i}", category="home") for i in range(30)]
    query = story("q", category="home")
    drawn = {tuple(each.id for each in Examples(known, 3, seed).of(query)) for seed in range(5)}
    assert len(drawn) == 5


def test_a_few_of_the_category_are_filled_up_with_the_most_alike():
    known = [
        story("other", "Something else", ()),
        story("alike", "Aurora kettle", ("Material", "Offer"), "sport"),
        story("same", "Something else", (), "home"),
    ]
    query = story("q", "Aurora kettle", ("Material", "Offer"), "home")
    assert [each.id for each in Examples(known, 2, 0).of(query)] == ["alike", "same"]


def test_another_story_of_the_same_video_is_never_shown():
    known = [story(f"v_{i}", video="v.mp4") for i in range(3)] + [story("w")]
    assert [each.id for each in Examples(known, 1, 0).of(known[0])] == ["w"]
    with pytest.raises(InputError, match=r"v_0: 2 examples need as many training stories of other videos, .* 1"):
        Examples(known, 2, 0).of(known[0])


def test_chinese_titles_are_compared_by_pairs_of_characters():
    one, other = (story("a", title, ()) for title in ("奥罗拉水壶 X2", "水壶"))
    assert features(one) == {f"word {pair}" for pair in ("奥罗", "罗拉", "拉水", "水壶", "x2")}
    assert jaccard(features(one), features(other)) == 1 / 5


def test_what_can_be_an_example():
    assert usable(story("a"), "en", "ad")
    assert not usable(story("a"), "zh", "ad")
    assert not usable(story("a"), "en", "general")
    unlabelled = Story("a", "x", "en", "ad", (), (Clip(0, 4, None, "Look."),))
    assert not usable(unlabelled, "en", "ad")
    assert not usable(Story("a", "x", "en", "ad", (), (Clip(0, 4),)), "en", "ad")
    assert usable(Story("a", "x", "en", "general", (), unlabelled.clips), "en", "general")
    with pytest.raises(InputError, match=r"3 examples need as many training stories .* there are 1"):
        Examples([story("a")], 3, 0)
