"""Clips beyond the end of their video: reported with its length, and bad if no clip shows anything."""

import json
from pathlib import Path

import numpy as np
import pytest
from rendered_videos import counting_video

from vn import cli
from vn.data.clip_bounds import check_clips, sampled_length
from vn.data.manifest import Manifest
from vn.errors import Findings, InputError
from vn.story import Clip


def check(*times, length=9.0):
    findings = Findings()
    clips = [Clip(start, end) for start, end in times]
    return check_clips(clips, length, findings, file="f", sample="s"), findings.lines


def test_clips_within_the_video_have_no_finding():
    assert check((0, 3), (3, 9), (8, 10)) == (set(), []), "whole seconds may end a second later"


def test_clips_beyond_the_end_are_told_with_the_videos_length():
    assert check((0, 3), (30, 40)) == (
        {1},
        ["f: s: clips[1]: 30 to 40 s is beyond the end: the video has 9 s; the frame nearest to it is used"],
    )
    assert check((0, 3), (3, 20), length=9.04) == (
        set(),
        ["f: s: clips[1].end: ends at 20 s, but the video has 9.04 s"],
    )
    assert check((0, 3), (1000, 2000), length=1234.4)[1] == [
        "f: s: clips[1].end: ends at 2000 s, but the video has 1234 s"
    ]


def test_a_story_beyond_the_end_is_bad():
    with pytest.raises(
        InputError, match=r"f: s: clips: all clips are beyond the end: the first starts at 100 s, but the video has 9 s"
    ):
        check((100, 110), (110, 120))
    with pytest.raises(InputError, match="the first starts at 9 s"):
        check((9, 12))


@pytest.mark.parametrize("times", [[(0, 3000), (3000, 9000)], [(0, 500), (500, 900)], [(120, 2500)], [(100, 9800)]])
def test_milliseconds(times):
    with pytest.raises(
        InputError, match=r"f: s: clips\[\d\].end: ends at \d+ s, but the video has 9 s; are these milli"
    ):
        check(*times)


@pytest.mark.parametrize("times", [[(0, 8), (8, 95)], [(0, 5), (600, 20_000)]])
def test_what_milliseconds_would_not_explain(times):
    _, lines = check(*times)
    assert lines
    assert not any("milliseconds" in line for line in lines)


def test_the_length_is_the_headers_within_a_sampling_step(tmp_path):
    video = counting_video(tmp_path / "v.mp4", 94)  # 9.4 s
    seconds = np.arange(10, dtype=np.float32)
    assert sampled_length(seconds, 1.0, video, [Clip(0, 30)]) == pytest.approx(9.4, abs=0.01)
    assert sampled_length(seconds, 1.0, video, [Clip(0, 9)]) == 10, "nobody asks the header"
    assert sampled_length(seconds[:5], 1.0, video, [Clip(0, 30)]) == 5, "of a damaged video, what can be read"
    assert sampled_length(seconds, 2.0, None, [Clip(0, 30)]) == 9.5


@pytest.mark.usefixtures("colour")
class TestPrepare:
    def prepare(self, folder: Path, *more: str) -> int:
        command = ["prepare", str(folder / "s"), "--reader", "stories", "--videos", str(folder / "videos")]
        return cli.main([*command, "--encoder", "colour", "--out", str(folder / "data"), "--val-share", "0", *more])

    @pytest.fixture
    def story(self, tmp_path):
        """Writes a story of a video of 9 s."""
        (tmp_path / "videos").mkdir()
        counting_video(tmp_path / "videos" / "v.mp4", 90)
        (tmp_path / "s").mkdir()

        def write(*times, name="a"):
            clips = [{"start": start, "end": end, "narration": "A red thing."} for start, end in times]
            data = {"title": "T", "language": "en", "domain": "general", "video": "v.mp4", "clips": clips}
            (tmp_path / "s" / f"{name}.json").write_text(json.dumps(data))
            return tmp_path

        return write

    def test_milliseconds_are_asked_about_and_cost_the_story(self, story, capsys):
        folder = story((0, 3000), (3000, 9000))
        assert self.prepare(folder) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert "a.json: a: clips[1].end: ends at 9000 s, but the video has 9 s; are these milliseconds?" in error
        assert "--max-bad 1" in error
        story((0, 3), (3, 9), name="b")
        assert self.prepare(folder, "--max-bad", "1", "--overwrite") == 0
        assert "1 could not be used" in capsys.readouterr().out
        manifest = Manifest.load(folder / "data")
        assert [entry.key for entry in manifest.samples("train")] == ["b"]
        assert "are these milliseconds?" in manifest.warnings[0]

    def test_a_story_wholly_beyond_the_end_is_counted_too(self, story, capsys):
        folder = story((100, 110), (110, 120))
        story((0, 3), (3, 9), name="b")
        assert self.prepare(folder) == 2
        assert (
            "all clips are beyond the end: the first starts at 100 s, but the video has 9 s" in capsys.readouterr().err
        )
        assert self.prepare(folder, "--max-bad", "1") == 0
        assert [entry.key for entry in Manifest.load(folder / "data").samples("train")] == ["b"]

    def test_a_clip_beyond_the_end_is_a_warning(self, story, capsys):
        folder = story((0, 3), (30, 40))
        assert self.prepare(folder) == 0
        assert "a: clips[1]: 30 to 40 s is beyond the end: the video has 9 s" in capsys.readouterr().err


def test_stored_features_say_how_long_a_video_is(tmp_path, capsys):
    for number in range(1, 10):
        np.save(tmp_path / f"v_{number:03d}.jpg.npy", np.zeros((2, 4), np.float16))
    frames = [{"time": [0, 3000], "label": "外观设计", "new_text": "白色。"}]
    (tmp_path / "ads.json").write_text(json.dumps({"v.mp4": {"p_name": "衣", "frames": frames}}))
    command = ["prepare", str(tmp_path / "ads.json"), "--reader", "esyncvidstory", "--out", str(tmp_path / "data")]
    assert cli.main([*command, "--encoder", "features", "--features", str(tmp_path)]) == 2
    assert "ends at 3000 s, but the video has 9 s; are these milliseconds?" in capsys.readouterr().err
