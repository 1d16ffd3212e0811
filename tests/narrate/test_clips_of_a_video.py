"""Clips that overlap each other or lie beyond the video's end, in ``vn narrate`` and its edits."""

import json

import pytest
import yaml

import vn.narrate.write
from vn.cli import main


@pytest.fixture
def narrate(smoke_demo, tmp_path):
    """Narrates the demo's video with clips at given times; gives the exit code and the story's times."""
    world = smoke_demo / "world" / "narrate"
    product = yaml.safe_load((world / "product.yaml").read_text())
    video = next(world.glob("*.mp4"))

    def go(times, *more):
        if times is not None:
            product["clips"] = [{"start": start, "end": end} for start, end in times]
        (tmp_path / "p.yaml").write_text(yaml.safe_dump(product))
        where = ["--run", str(smoke_demo / "runs" / "demo"), "--out", str(tmp_path / "out")]
        code = main(["narrate", str(video), "--product", str(tmp_path / "p.yaml"), *where, *more])
        return code, go.times()

    def read():
        return json.loads(go.file.read_text(encoding="utf-8"))

    def times():
        return [(c["start"], c["end"]) for c in read()["clips"]] if go.file.exists() else None

    go.file, go.read, go.times, go.video, go.product = tmp_path / "out" / "story.json", read, times, video, product
    return go


@pytest.fixture
def nothing_slow(monkeypatch):
    """What is refused is refused before a model is loaded."""

    def refuse(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(vn.narrate.write, "load_adapter", refuse)


ROLLING = [(0, 3.1), (1.9, 4.5), (3.1, 6)]


@pytest.mark.usefixtures("nothing_slow")
def test_clips_that_overlap_are_refused_and_the_option_is_named(narrate, capsys):
    assert narrate(ROLLING) == (2, None)
    error = capsys.readouterr().err
    assert "p.yaml: p: clips[1].start: starts 1.2 s before clip 0 ends" in error
    assert "--overlap trim ends that clip there, --overlap keep leaves both" in error
    assert narrate([(0, 3), (0.3, 5)], "--overlap", "trim") == (2, None)
    assert "clips[0].end: --overlap trim would leave only 0.3 s of 0 to 3 s" in capsys.readouterr().err


@pytest.mark.parametrize(("choice", "expected"), [("keep", ROLLING), ("trim", [(0, 1.9), (1.9, 3.1), (3.1, 6)])])
def test_kept_or_trimmed_they_are_narrated_and_an_edit_goes_on_so(narrate, choice, expected, capsys):
    assert narrate(ROLLING, "--overlap", choice) == (0, expected)
    assert any("starts 1.2 s before clip 0 ends" in line for line in narrate.read()["warnings"]) == (choice == "keep")
    story = narrate.read()
    story["clips"][2]["narration"] = "Mine, all mine."
    narrate.file.write_text(json.dumps(story), encoding="utf-8")
    assert main(["narrate", "--edit", str(narrate.file)]) == 0
    assert narrate.times() == expected
    after = narrate.read()
    assert after["clips"][2]["narration"] == "Mine, all mine."
    assert after["clips"][:2] == story["clips"][:2]


def test_an_edit_that_makes_clips_overlap(narrate, capsys):
    assert narrate([(0, 2), (2, 4), (4, 6)])[0] == 0
    story = narrate.read()
    story["clips"][0]["end"] = 3.5
    narrate.file.write_text(json.dumps(story), encoding="utf-8")
    assert main(["narrate", "--edit", str(narrate.file)]) == 2
    assert "clips[1].start: starts 1.5 s before clip 0 ends; --overlap trim" in capsys.readouterr().err
    assert main(["narrate", "--edit", str(narrate.file), "--overlap", "keep"]) == 0
    assert narrate.times() == [(0, 3.5), (2, 4), (4, 6)]


def test_times_of_subtitles_may_overlap_too(narrate, tmp_path, capsys):
    narrate.product.pop("clips", None)
    times = tmp_path / "t.txt"
    times.write_text("00:00 00:05\n00:02 00:07\n")
    assert narrate(None, "--clips", str(times)) == (2, None)
    assert "t.txt: line 2: starts 3 s before clip 0 ends; --overlap trim" in capsys.readouterr().err
    assert narrate(None, "--clips", str(times), "--overlap", "trim") == (0, [(0, 2), (2, 7)])


def test_with_many_videos(narrate, tmp_path, smoke_demo, capsys):
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / "one.mp4").symlink_to(narrate.video)
    product = {**narrate.product, "clips": [{"start": 0, "end": 5}, {"start": 2, "end": 7}]}
    (videos / "one.yaml").write_text(yaml.safe_dump(product))
    command = [
        "narrate",
        "--videos",
        str(videos),
        "--run",
        str(smoke_demo / "runs/demo"),
        "--out",
        str(tmp_path / "all"),
    ]
    assert main(command) == 2
    assert "one.yaml" in (error := capsys.readouterr().err)
    assert "--overlap trim" in error
    for choice, end in (("trim", 2), ("keep", 5)):
        assert main([*command, "--overlap", choice]) == 0
        clips = json.loads((tmp_path / "all" / "one" / "story.json").read_text(encoding="utf-8"))["clips"]
        assert [(c["start"], c["end"]) for c in clips] == [(0, end), (2, 7)]


class TestBeyondTheEnd:
    @pytest.fixture
    def length(self, narrate):
        from vn.data.clip_bounds import video_length

        return video_length(narrate.video)

    def test_a_clip_beyond_the_end_is_told_with_the_videos_length(self, narrate, length, capsys):
        assert narrate([(0, 3), (length + 30, length + 40)])[0] == 0
        said = capsys.readouterr()
        (line,) = [x for x in narrate.read()["warnings"] if "beyond the end" in x]
        assert f"clips[1]: {length + 30:g} to {length + 40:g} s is beyond the end: the video has {length:.3g} s" in line
        assert "is beyond the end: the video has" in " ".join((said.out + said.err).split())

    @pytest.mark.usefixtures("nothing_slow")
    def test_a_story_beyond_the_end_or_in_milliseconds_is_refused_before_anything_slow(self, narrate, length, capsys):
        assert narrate([(length + 100, length + 110)]) == (2, None)
        assert f"p.yaml: clips: all clips are beyond the end: the first starts at {length + 100:g} s" in (
            capsys.readouterr().err
        )
        assert narrate([(0, 1500), (1500, 1000 * length)]) == (2, None)
        assert f"but the video has {length:.3g} s; are these milliseconds?" in capsys.readouterr().err

    def test_an_edited_time_is_compared_too(self, narrate, length, capsys):
        assert narrate([(0, 2), (2, 4)])[0] == 0
        story = narrate.read()
        story["clips"][1]["end"] = length + 20
        narrate.file.write_text(json.dumps(story), encoding="utf-8")
        assert main(["narrate", "--edit", str(narrate.file)]) == 0
        assert any(f"ends at {length + 20:g} s, but the video has" in line for line in narrate.read()["warnings"])

    def test_a_header_that_says_no_length(self, narrate, tmp_path, monkeypatch):
        from vn.data.clip_bounds import VideoReader, video_length

        whole = video_length(narrate.video)

        class Silent(VideoReader):
            def __init__(self, *given):
                super().__init__(*given)
                self.duration = None

        monkeypatch.setattr("vn.data.clip_bounds.VideoReader", Silent)
        assert video_length(narrate.video) == pytest.approx(whole, abs=0.2)
