"""``vn narrate --unordered``: what is refused before anything slow, and a story of the joined video."""

import json

import pytest
import yaml
from small_video import write_video

from vn.cli import main
from vn.data.video import VideoReader

PRODUCT = {"title": "Kettle", "language": "en", "domain": "ad", "knowledge": [{"aspect": "Offer", "points": ["a cup"]}]}


@pytest.fixture
def place(tmp_path):
    write_video(tmp_path / "a.mp4", 2)
    write_video(tmp_path / "b.mp4", 3)
    (tmp_path / "product.yaml").write_text(yaml.safe_dump(PRODUCT))
    return tmp_path


@pytest.fixture
def narrate(place, smoke_demo):
    def run(*words, clips=("a.mp4", "b.mp4"), out="out"):
        files = [str(place / name) for name in clips]
        given = ["--product", str(place / "product.yaml"), "--run", str(smoke_demo / "runs" / "demo")]
        return main(["narrate", "--unordered", *files, *given, "--out", str(place / out), *words])

    return run


def line_of(capsys):
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def test_the_story_is_that_of_the_joined_video(narrate, place):
    assert narrate() == 0
    story = json.loads((place / "out" / "story.json").read_text())
    order = [each["file"] for each in story["record"]["made_with"]["order"]["clips"]]
    assert sorted(order) == ["../a.mp4", "../b.mp4"]
    first = 2 if order[0] == "../a.mp4" else 3
    times = [(clip["start"], clip["end"]) for clip in story["clips"]]
    assert times == [pytest.approx((0, first)), pytest.approx((first, 5))]
    assert VideoReader(place / "out" / "clips.mp4").duration == pytest.approx(5, abs=0.05)


@pytest.mark.parametrize("name", ["clips.mp4", "story.mp4"])
def test_a_clip_that_would_be_replaced_is_refused(narrate, place, capsys, name):
    (place / "b.mp4").rename(place / name)
    before = (place / name).read_bytes()
    assert narrate(clips=("a.mp4", name), out=".") == 2
    assert f"{name}: --unordered: would be replaced by the {name} that is written there" in line_of(capsys)
    assert (place / name).read_bytes() == before


def test_a_wrong_voice_or_language_is_refused_before_the_clips_are_joined(narrate, place, capsys):
    assert narrate("--voice", "nosuch") == 2
    assert "--voice: no voice 'nosuch'" in line_of(capsys)
    assert narrate("--beams", "3", "--temperature", "1") == 2
    assert "--beams" in line_of(capsys)
    (place / "product.yaml").write_text(yaml.safe_dump(PRODUCT | {"language": "zh"}))
    assert narrate() == 2
    assert "product.yaml: language: is 'zh', but the narrator was trained on 'en'" in line_of(capsys)
    assert not (place / "out").exists()


def test_options_for_other_clips_are_refused(narrate, capsys):
    for words in (("--shots", "adaptive"), ("--shot-threshold", "3"), ("--overlap", "trim")):
        assert narrate(*words) == 2
        assert f"leave out {words[0]}" in line_of(capsys)
