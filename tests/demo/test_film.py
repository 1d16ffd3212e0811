"""The world's rules, on the data itself: what is on screen, what is known, and what is narrated."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from vn.demo.film import BACKDROPS, make_film
from vn.demo.languages import LANGUAGES
from vn.demo.product import ATTRIBUTES, COLOURS, PARTS, PATTERNS, PRODUCTS, products_of
from vn.demo.storyline import PICTURES, half_of
from vn.prompt import PromptWriter
from vn.story import ScriptLabel, count_words
from vn.story_reader import parse_story
from vn.template import Template


@pytest.fixture(scope="module", params=LANGUAGES)
def words(request):
    return LANGUAGES[request.param]


@pytest.fixture(scope="module")
def films(words):
    return {split: [make_film(words, 0, split, i) for i in range(150)] for split in ("train", "val", "test")}


@pytest.fixture(scope="module")
def clips(films):
    """Every clip with its film and number."""
    return [(film, i, clip) for each in films.values() for film in each for i, clip in enumerate(film.story.clips)]


def picture(film, i):
    return PICTURES[film.scenes[i].picture]


# -- products and films -----------------------------------------------------------------------------------------------


def test_test_products_are_new_combinations_of_values_and_pairs_that_are_trained_on():
    splits = {split: set(products_of(split)) for split in ("train", "val", "test")}
    assert sum(map(len, splits.values())) == len(PRODUCTS) == len(set.union(*splits.values())) == 800
    assert [len(s) for s in splits.values()] == [650, 50, 100]

    def pairs(products):
        values = [[(a, p.attribute(a)) for a in ATTRIBUTES] for p in products]
        return {(x, y) for each in values for x in each for y in each}

    assert pairs(splits["train"]) == pairs(PRODUCTS)
    assert {p.colour for p in splits["test"]} == set(COLOURS)
    assert {(p.pattern, p.part) for p in splits["test"]} == {(a, b) for a in PATTERNS for b in PARTS}


def test_films_keep_to_their_split(films):
    for split, each in films.items():
        assert {film.product.split for film in each} == {split}
    assert {film.product for film in films["test"]} == set(products_of("test"))


def test_the_same_seed_gives_the_same_films_and_another_seed_others(films, words):
    assert films["train"][:20] == [make_film(words, 0, "train", i) for i in range(20)]
    again = [make_film(words, 1, "train", i) for i in range(20)]
    assert all(a.story != b.story for a, b in zip(films["train"], again, strict=False))


def test_the_videos_are_the_same_in_every_language(films):
    for film in films["train"][:20]:
        for words in LANGUAGES.values():
            other = make_film(words, 0, "train", int(film.story.id[-5:]))
            assert (other.product, other.scenes) == (film.product, film.scenes)


def test_clips_follow_one_another_in_whole_seconds(films):
    for film in films["train"]:
        story = film.story
        assert story.clips[0].start == 0
        assert all(a.end == b.start for a, b in pairwise(story.clips))
        assert [clip.duration for clip in story.clips] == [scene.seconds for scene in film.scenes]
    assert {len(film.story.clips) for film in films["train"]} == set(range(3, 11))
    assert {clip.duration for film in films["train"] for clip in film.story.clips} == {2, 3, 4, 5}


def test_every_narration_fits_its_clip(clips, words):
    for film, i, clip in clips:
        count = count_words(clip.narration, words.language)
        assert count in words.words.range_of(clip, words.language), (film.story.id, i, clip.narration)


def test_a_story_survives_being_written_and_read(films):
    for film in films["val"]:
        assert parse_story(film.story.to_dict()) == film.story


def test_backdrops_change_at_cuts(films):
    for film in films["train"]:
        assert all(0 <= scene.backdrop < BACKDROPS for scene in film.scenes)
        for a, b in pairwise(film.scenes):
            assert (a.backdrop ^ b.backdrop) & 3 == 3


def test_what_is_said_varies(films):
    narrations = [clip.narration for film in films["train"] for clip in film.story.clips]
    assert len(set(narrations)) > 0.8 * len(narrations)
    assert len({tuple(c.labels[0] for c in f.story.clips) for f in films["train"]}) > 130
    assert {label for f in films["train"] for c in f.story.clips for label in c.labels} == set(ScriptLabel)


# -- facts ------------------------------------------------------------------------------------------------------------


def test_narrations_state_their_facts(clips):
    for film, i, clip in clips:
        for name, entry in clip.facts.items():
            if name not in ("label", "aspect"):
                assert entry["value"].lower() in clip.narration.lower(), (film.story.id, i, clip.narration)


def test_attributes_stand_in_no_text_and_only_where_the_facts_say(clips, words):
    for film, i, clip in clips:
        story = film.story
        given = " ".join([story.title, *(p for k in story.knowledge for p in k.points)]).lower()
        for name in ATTRIBUTES:
            value = words.attributes[name][film.product.attribute(name)]
            separated = given.split() if words.language == "en" else given
            assert value not in separated
            if name not in clip.facts:
                said = clip.narration.replace(",", "").replace(".", "")
                assert value not in (said.split() if words.language == "en" else said), (story.id, i)


# -- the five properties ----------------------------------------------------------------------------------------------


def test_1_what_is_on_screen_decides_content(clips, words):
    """Picture and half fix the label; the picture fixes which attributes on screen are named, and they are its own."""
    told = Counter()
    for film, i, clip in clips:
        shown = picture(film, i)
        assert clip.labels == (shown.label(half_of(film.story.position(i))),)
        for name in shown.tells:
            assert name in shown.shows
            assert clip.facts[name] == {
                "value": words.attributes[name][film.product.attribute(name)],
                "from": "picture",
            }
            told[name] += 1
    assert set(told) == set(ATTRIBUTES)
    assert min(told.values()) > 0.03 * len(clips)


def test_2_some_narrations_need_an_attribute_seen_earlier_only_and_never_said(clips):
    recalled = Counter()
    for film, i, clip in clips:
        for name, entry in clip.facts.items():
            if entry["from"] == "earlier_picture":
                recalled[name] += 1
                assert name not in picture(film, i).shows
                assert any(name in picture(film, j).shows for j in range(i))
                assert not any(name in earlier.facts for earlier in film.story.clips[:i])
    assert set(recalled) == set(ATTRIBUTES)
    assert min(recalled.values()) > 0.02 * len(clips)
    assert sum(recalled.values()) > 0.12 * len(clips)


def test_3_only_the_position_tells_what_an_ambiguous_picture_means(clips, words):
    """The clip's number and the seconds gone by, which prompts show, leave a fifth of these labels open."""
    seen = [(film, i) for film, i, clip in clips if clip.facts["label"]["from"] == "position"]
    assert len(seen) > 0.25 * len(clips)
    halves = [half_of(film.story.position(i)) for film, i in seen]
    for film, i in seen:
        assert picture(film, i).first is not picture(film, i).second
    for known in (lambda film, i: i, lambda film, i: (i, film.story.clips[i].start // 2)):
        groups = {}
        for (film, i), half in zip(seen, halves, strict=True):
            groups.setdefault(known(film, i), Counter())[half] += 1
        best = sum(max(group.values()) for group in groups.values())
        assert best < 0.87 * len(seen)
    (film, i), template = seen[0], Template.load(f"ad-{words.language}", "index")
    words_shown = words.words.range_of(film.story.clips[i], words.language)
    prompt = "".join(s.text for s in PromptWriter(film.story, template).opening(i, words_shown, scene=True))
    assert str(len(film.story.clips)) not in prompt.replace(str(words_shown.low), "").replace(
        str(words_shown.high), ""
    ).replace(str(i + 1), "")


def test_4_the_label_decides_which_point_fits_and_more_are_known(clips, words):
    for film, i, clip in clips:
        aspect = words.aspects.get(clip.labels[0])
        known = {k.aspect: k.points for k in film.story.knowledge}
        told = {name: e["value"] for name, e in clip.facts.items() if e["from"] == "knowledge"}
        assert set(told) == ({aspect.fact} if aspect else set())
        assert ("aspect" in clip.facts) == bool(aspect)
        if aspect:
            assert clip.facts["aspect"] == {"value": aspect.name, "from": "label"}
            before = [c for c in film.story.clips[:i] if aspect.fact in c.facts]
            assert told[aspect.fact] == known[aspect.name][len(before)]  # the next that nobody has used
    for film, _, _ in clips:
        points = sum(len(k.points) for k in film.story.knowledge)
        used = sum(e["from"] == "knowledge" for clip in film.story.clips for e in clip.facts.values())
        assert points > used
        assert len(film.story.knowledge) > len({c.labels for c in film.story.clips if "aspect" in c.facts})


def test_5_many_frames_are_near_duplicates(films):
    """In raw pixels: most neighbours at 1 fps within a clip are nearer to each other than any two across a cut."""
    from vn.demo.render import RATE, frames

    within, across = [], []
    for film in films["test"][:4]:
        pictures = [p.astype(float) for p in frames(film)][RATE // 2 :: RATE]
        cuts = {int(clip.start) for clip in film.story.clips}
        for second, (a, b) in enumerate(pairwise(pictures), 1):
            (across if second in cuts else within).append(np.abs(a - b).mean())
    assert len(within) > 2 * len(across)
    assert np.mean(np.array(within) < min(across)) > 0.7
