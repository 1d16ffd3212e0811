"""Videos are found by name with any ending that can be read, in any case."""

import json

import av
import pytest
from av.format import ContainerFormat
from rendered_videos import counting_video

from vn import cli
from vn.data.find_video import VIDEO_SUFFIXES, VideoFinder, looked_for
from vn.data.manifest import Manifest

ALIASES = {".qt", ".divx", ".rmvb", ".ogm"}  # of formats that FFmpeg lists by other endings
CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".wmv": "wmv2", ".mpg": "mpeg1video", ".ogv": "libtheora"}


def endings(*modes: str) -> set[str]:
    found = set()
    for name in av.formats_available:
        for mode in modes:
            try:
                form = ContainerFormat(name, mode)
            except ValueError:
                continue
            found |= {f".{end}" for end in form.extensions}
    return found


def test_every_ending_is_of_a_format_that_the_decoder_knows():
    assert set(VIDEO_SUFFIXES) - endings("r", "w") <= ALIASES
    assert {".mp4", ".mov", ".m4v", ".webm", ".m2ts", ".mts", ".3gp", ".wmv", ".mxf", ".f4v"} <= set(VIDEO_SUFFIXES)
    assert not set(VIDEO_SUFFIXES) & {".json", ".yaml", ".srt", ".vtt", ".jpg", ".png", ".wav", ".mp3", ".m4a", ".txt"}


@pytest.mark.parametrize(
    "suffix", [".MOV", ".Mp4", ".WebM", ".m2ts", ".3gp", ".wmv", ".AVI", ".ts", ".MKV", ".f4v", ".m4v"]
)
def test_a_story_without_a_video_name_finds_its_video(tmp_path, write_stories, colour, suffix):
    made = counting_video(tmp_path / f"made{suffix.lower()}", 25, codec=CODECS.get(suffix.lower(), "libx264"))
    (tmp_path / "videos").mkdir()
    made.rename(tmp_path / "videos" / f"phone{suffix}")
    (tmp_path / "videos" / "phone.json").write_text("{}")
    folder = write_stories({"id": "phone", "video": None, "clips": [{"start": 0, "end": 2}]}, folder=tmp_path / "s")
    words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--videos", str(tmp_path / "videos")]
    assert cli.main([*words, "--val-share", "0", "--out", str(tmp_path / "out")]) == 0
    (entry,) = Manifest.load(tmp_path / "out").samples("train")
    assert entry.frames >= 2


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_what_is_found(tmp_path):
    touch(tmp_path, "a.MOV", "b.mkv", "b.mp4", "c.txt", "c.wav", "d.JPG", "sub/e.Mp4", "f.mov", "f.MOV", "g.h.MP4")
    (tmp_path / "h.mp4").mkdir()
    finder = VideoFinder(tmp_path)

    def find(names, ids):
        found = finder.find(names, ids)
        return found and str(found.relative_to(tmp_path))

    assert find([], ["a"]) == "a.MOV"
    assert find([], ["b"]) == "b.mp4"
    assert find(["b.mkv"], ["b"]) == "b.mkv"
    assert find(["a.mov"], ["b"]) == "a.MOV"
    assert find(["a.mp4"], ["b"]) == "b.mp4"  # another ending is another file
    assert find(["a.mp4"], ["a"]) == "a.MOV"
    assert find(["c.wav"], []) == "c.wav"  # what a story names is taken as it is
    assert find(["sub/e.mp4"], []) == "sub/e.Mp4"
    assert find(["f.mov"], []) == "f.mov"
    assert find([], ["f"]) in ("f.mov", "f.MOV")
    assert find([], ["g.h"]) == "g.h.MP4"
    assert [find([], [name]) for name in ("c", "d", "h", "A", "nothing")] == [None] * 5
    assert VideoFinder(tmp_path / "none").find(["x.mp4"], ["x"]) is None


def test_the_message_lists_what_was_tried(tmp_path, write_stories, colour, capsys):
    folder = write_stories({"id": "phone", "video": None, "clips": [{"start": 0, "end": 2}]}, folder=tmp_path / "s")
    words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--out", str(tmp_path / "out")]
    assert cli.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "1 of 1 videos are missing, the first is that of phone (looked for phone.mp4), also as phone" in line
    assert all(f" {suffix} " in line for suffix in VIDEO_SUFFIXES)
    assert "upper or lower case" in line
    assert looked_for(["k.avi"], ["kettle"]).startswith("(looked for k.avi), also as kettle with one of .mp4 ")


def test_an_upright_phone_video(tmp_path, write_stories, colour):
    """Turned by its display matrix: frames and thumbnails are upright."""
    from vn.data.shards import read_thumbs

    video = counting_video(tmp_path / "made.mov", 25, width=64, height=36, rotation=90)
    video.rename(tmp_path / "phone.MOV")
    folder = write_stories({"id": "phone", "video": None}, folder=tmp_path / "s")
    words = ["prepare", str(folder), "--reader", "stories", "--encoder", "colour", "--videos", str(tmp_path)]
    assert cli.main([*words, "--val-share", "0", "--out", str(tmp_path / "out")]) == 0
    (entry,) = Manifest.load(tmp_path / "out").samples("train")
    thumbs = read_thumbs(tmp_path / "out" / entry.shard, entry)
    assert [thumb.shape[:2] for thumb in thumbs] == [(96, 54)] * 3
    assert json.loads((folder / "phone.json").read_text())["video"] is None


def test_emscore_looks_the_same_way(tmp_path):
    from vn.score.frame_vectors import FrameVectors
    from vn.story import Clip, Story

    touch(tmp_path, "kettle.MOV")
    story = Story(id="kettle", title="t", language="en", domain="ad", knowledge=(), clips=(Clip(0, 1),))
    assert FrameVectors(None, videos=tmp_path)._file(story).name == "kettle.MOV"
