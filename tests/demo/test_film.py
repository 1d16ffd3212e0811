"""The world's rules, on the data itself: what is on screen, what is known, and what is said."""

from collections import Counter
from itertools import pairwise

import pytest

from vn.demo.english import ENGLISH
from vn.demo.film import BACKDROPS, make_film
from vn.demo.product import COLOURS, KINDS, PATTERNS, PRODUCTS, products_of
from vn.demo.scenes import PAINTERS
from vn.demo.storyline import ATTRIBUTES, PARTS
from vn.story import ScriptLabel, Story

SHOWS = {picture.name: picture.shows for part in PARTS.values() for picture in part.pictures}


@pytest.fixture(scope="module")
def films():
    return {split: [make_film(ENGLISH, 0, split, i) for i in range(150)] for split in ("train", "val", "test")}


@pytest.fixture(scope="module")
def clips(films):
    """Every clip with its film and number."""
    return [(film, i, clip) for each in films.values() for film in each for i, clip in enumerate(film.story.clips)]


def test_the_splits_share_no_combination_and_every_attribute():
    splits = [set(products_of(split)) for split in ("train", "val", "test")]
    assert sum(map(len, splits)) == len(PRODUCTS) == len(set.union(*splits)) == 200
    assert [len(s) for s in splits] == [162, 13, 25]
    for products in (splits[0], splits[2]):
        assert {p.colour for p in products} == set(COLOURS)
        assert {(p.kind, p.pattern) for p in products} == {(k, p) for k in KINDS for p in PATTERNS}


def test_films_keep_to_their_split(films):
    for split, each in films.items():
        assert {film.product.split for film in each} == {split}
    assert {film.product for film in films["test"]} == set(products_of("test"))


def test_the_same_seed_gives_the_same_films_and_another_seed_others(films):
    assert films["train"][:20] == [make_film(ENGLISH, 0, "train", i) for i in range(20)]
    again = [make_film(ENGLISH, 1, "train", i) for i in range(20)]
    assert all(a.story != b.story for a, b in zip(films["train"], again, strict=False))


def test_clips_follow_one_another_in_whole_seconds(films):
    for film in films["train"]:
        story = film.story
        assert 3 <= len(story.clips) <= 7
        assert story.clips[0].start == 0
        assert all(a.end == b.start for a, b in pairwise(story.clips))
        assert all(clip.duration in (2, 3, 4, 5) for clip in story.clips)
        assert [clip.duration for clip in story.clips] == [scene.seconds for scene in film.scenes]


def test_every_narration_fits_its_clip(clips):
    for film, i, clip in clips:
        count = len(clip.narration.split())
        assert count in ENGLISH.words.range_of(clip, "en"), (film.story.id, i, clip.narration)


def test_a_story_survives_being_written_and_read(films):
    for film in films["val"]:
        assert Story.from_dict(film.story.to_dict()) == film.story


def test_narrations_state_their_facts(clips):
    for film, i, clip in clips:
        assert clip.facts or clip.labels
        for entry in clip.facts.values():
            assert entry["value"].lower() in clip.narration.lower(), (film.story.id, i, clip.narration)


def test_attributes_are_seen_where_the_facts_say_and_stand_in_no_text(clips):
    for film, i, clip in clips:
        story = film.story
        given = " ".join([story.title, *(p for k in story.knowledge for p in k.points)]).lower().split()
        for name in ATTRIBUTES:
            value = getattr(film.product, name)
            assert value not in given
            assert f"{value}s" not in given
            if name not in clip.facts:
                assert value not in clip.narration.replace(",", "").split()
                continue
            entry = clip.facts[name]
            here = name in SHOWS[film.scenes[i].picture]
            earlier = any(name in SHOWS[scene.picture] for scene in film.scenes[:i])
            assert entry["value"] == value
            assert (entry["from"] == "picture") == here
            assert (entry["from"] == "earlier_picture") == (earlier and not here)


def test_what_an_earlier_picture_tells_was_never_said_before(clips):
    found = Counter()
    for film, i, clip in clips:
        for name, entry in clip.facts.items():
            if entry["from"] == "earlier_picture":
                found[name] += 1
                assert not any(name in earlier.facts for earlier in film.story.clips[:i])
    assert found["colour"] >= 40
    assert found["pattern"] >= 20


def test_the_label_decides_which_point_is_used_and_more_are_known(clips):
    for film, _, clip in clips:
        aspect = ENGLISH.aspects.get(clip.labels[0])
        known = {k.aspect: k.points for k in film.story.knowledge}
        told = {name: e["value"] for name, e in clip.facts.items() if e["from"] == "knowledge"}
        assert set(told) == ({aspect.fact} if aspect else set())
        for value in told.values():
            assert value in known[aspect.name]
    for film, _, _ in clips:
        points = sum(len(k.points) for k in film.story.knowledge)
        used = sum(e["from"] == "knowledge" for clip in film.story.clips for e in clip.facts.values())
        assert points > used


def test_no_point_is_told_twice(films):
    for film in films["train"]:
        told = [(n, e["value"]) for c in film.story.clips for n, e in c.facts.items() if e["from"] == "knowledge"]
        assert len(told) == len(set(told))


def test_storylines_run_from_trouble_to_the_offer(films):
    labels = [[clip.labels[0] for clip in film.story.clips] for film in films["train"]]
    assert {label for line in labels for label in line} == set(ScriptLabel)
    sore = [line.index(ScriptLabel.SORE_POINT) for line in labels if ScriptLabel.SORE_POINT in line]
    offers = [line[-1] is ScriptLabel.CALL_TO_ACTION for line in labels if ScriptLabel.CALL_TO_ACTION in line]
    assert sum(place == 0 for place in sore) > 0.8 * len(sore)
    assert 0.8 < sum(offers) / len(offers) <= 1


def test_pictures_go_with_labels_and_backdrops_change_at_cuts(films):
    for film in films["train"]:
        for clip, scene in zip(film.story.clips, film.scenes, strict=True):
            assert scene.picture in {p.name for p in PARTS[clip.labels[0]].pictures}
            assert scene.picture in PAINTERS
            assert 0 <= scene.backdrop < BACKDROPS
        for a, b in pairwise(film.scenes):
            assert (a.backdrop ^ b.backdrop) & 3 == 3


def test_what_is_said_varies(films):
    narrations = [clip.narration for film in films["train"] for clip in film.story.clips]
    assert len(set(narrations)) > 0.8 * len(narrations)
    assert len({tuple(c.labels[0] for c in f.story.clips) for f in films["train"]}) > 100
