"""`vn annotate` with its own stages: speech from subtitles beside the videos, snapped to the product's facts."""

from __future__ import annotations

import json

import pytest
from made_videos import render_scenes

from vn.cli import main

pytest.importorskip("vn.annotate.speech.options")
pytest.importorskip("vn.annotate.text.options")
pytest.importorskip("vn.annotate.review.options")
SUBTITLES = """1
00:00:00,500 --> 00:00:01,500
Cold tea again?

2
00:00:02,200 --> 00:00:03,600
Try the Auroro kettle.
"""


def test_from_subtitles_to_stories(tmp_path, capsys):
    videos = tmp_path / "videos"
    videos.mkdir()
    for number, name in enumerate(("one", "two")):
        render_scenes(videos / f"{name}.mp4", [(number, 2), (number + 10, 2)], tones=[(0.5, 1.5)])
    (videos / "one.srt").write_text(SUBTITLES)
    product = tmp_path / "kettle.yaml"
    product.write_text("title: Aurora kettle\nlanguage: en\nknowledge:\n- aspect: Material\n  points: [steel]\n")
    listed = tmp_path / "products.yaml"
    listed.write_text("one: kettle.yaml\ntwo: kettle.yaml\n")
    out = tmp_path / "stories"
    words = ["annotate", str(videos), "--out", str(out), "--language", "en", "--products", str(listed)]
    words += ["--speech", "subtitles", "--refine", "facts"]
    assert main(words) == 2
    assert "two.mp4: has no .srt or .vtt beside it (leave it out with --max-bad 1)" in capsys.readouterr().err
    assert main([*words, "--max-bad", "1"]) == 0
    files = [file for file in out.glob("*/*.json") if file.parent.name in ("train", "val", "test")]
    assert [file.stem for file in files] == ["one"]
    story = json.loads(files[0].read_text())
    assert [clip["narration"] for clip in story["clips"]] == ["Cold tea again?", "Try the Aurora kettle."]
    (videos / "one.srt").write_text(SUBTITLES.replace("Cold", "Warm"))
    assert main([*words, "--max-bad", "1"]) == 0
    assert json.loads(files[0].read_text())["clips"][0]["narration"] == "Warm tea again?"
