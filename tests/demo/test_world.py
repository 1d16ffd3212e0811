"""The toy world: the same for a seed, consistent with its facts, and filmed as described."""

import av
import pytest

from vn.data.shots import find_shots
from vn.demo.product import products_of
from vn.demo.render import render
from vn.demo.world import make_films, make_stories, showcase, write_world
from vn.io.files import read_json
from vn.story import WordRange, count_words
from vn.story_reader import parse_story

SPLITS = ("train", "val", "test")


@pytest.fixture(scope="module")
def stories():
    return {split: make_stories(0, 80, split) for split in SPLITS}


def test_a_seed_gives_the_same_stories_and_another_seed_others():
    assert make_stories(0, 20, "train") == make_stories(0, 40, "train")[:20]
    assert make_stories(0, 20, "train") != make_stories(1, 20, "train")


def test_no_product_of_one_split_is_in_another():
    products = {split: set(products_of(split)) for split in SPLITS}
    assert not products["train"] & products["test"]
    assert not products["train"] & products["val"]
    assert not products["val"] & products["test"]
    kinds = {p.kind for p in products["train"]}
    assert {p.kind for p in products["test"]} <= kinds  # new combinations of known attributes
    for film in make_films(0, 40, "test"):
        assert film.product in products["test"]


@pytest.mark.parametrize("split", SPLITS)
def test_stories_read_back_and_every_narration_fits_its_clip(stories, split):
    for story in stories[split]:
        assert parse_story(story.to_dict()) == story
        assert 3 <= len(story.clips) <= 10
        for clip in story.clips:
            assert clip.start == int(clip.start)
            assert clip.end == int(clip.end)
            words = WordRange.of_duration(clip.duration, 2.5, 2)
            assert count_words(clip.narration, "en") in words, (story.id, clip)


def test_there_are_more_points_than_are_used(stories):
    for story in stories["train"]:
        points = [p for k in story.knowledge for p in k.points]
        told = {f["value"] for c in story.clips for f in c.facts.values() if f["from"] == "knowledge"}
        assert len(points) > len(told)


def test_narrations_and_storylines_vary(stories):
    narrations = [c.narration for s in stories["train"] for c in s.clips]
    assert len(set(narrations)) > 0.8 * len(narrations)
    assert len({tuple(c.labels for c in s.clips) for s in stories["train"]}) > 60
    assert len({label for s in stories["train"] for c in s.clips for label in c.labels}) >= 7


def test_a_film_renders_to_the_same_bytes_with_its_length(tmp_path):
    (film,) = make_films(0, 1, "test")
    render(film, tmp_path / "a.mp4")
    render(film, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    with av.open(str(tmp_path / "a.mp4")) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert float(video.duration / av.time_base) == pytest.approx(film.story.duration, abs=0.15)


def test_cuts_are_found_where_they_are(tmp_path):
    """Over several films, at least 19 of 20 cuts within half a second, and next to none where there is no cut."""
    found = total = extra = 0
    for n, film in enumerate(make_films(5, 6, "test")):
        render(film, tmp_path / f"{n}.mp4")
        shots = find_shots(tmp_path / f"{n}.mp4")
        true = [clip.start for clip in film.story.clips][1:]
        starts = [start for start, _ in shots][1:]
        extra += sum(all(abs(s - t) >= 0.5 for t in true) for s in starts)
        found += sum(any(abs(s - t) < 0.5 for s in starts) for t in true)
        total += len(true)
    assert found >= 0.95 * total
    assert extra <= 0.1 * total


def test_a_world_on_disk_is_kept_and_what_is_missing_comes_back(tmp_path):
    sizes = {"train": 2, "val": 1, "test": 1}
    world = write_world(tmp_path, sizes, seed=3)
    videos = sorted((tmp_path / "videos").glob("*.mp4"))
    assert {f"{s}-0000{n}.mp4" for s, k in sizes.items() for n in range(k)} <= {v.name for v in videos}
    before = {v: (v.stat().st_mtime_ns, v.read_bytes()) for v in videos}
    videos[0].unlink()
    write_world(tmp_path, sizes, seed=3)
    for video in videos[1:]:
        assert video.stat().st_mtime_ns == before[video][0]
    assert videos[0].read_bytes() == before[videos[0]][1]
    story = parse_story(read_json(tmp_path / "train" / "train-00000.json"))
    assert (tmp_path / "videos" / story.video).exists()
    shown = parse_story(read_json(world.reference))
    assert shown == showcase(3, sizes["test"]).story
    assert "clips" not in world.product.read_text()
