"""What is written for a story: no model, a video of one colour."""

import dataclasses
import json

import av
import numpy as np
import pytest

from vn.errors import Findings
from vn.narrate.output import save, show
from vn.prompt import Written
from vn.story import Clip, Knowledge, ScriptLabel, Story, WordRange
from vn.story_file.edit import plan_of, read_edited
from vn.written import WrittenClip

TEXT = "本店所有的手机壳全部打折现在下单只要199.9元。"


def video(file, width, height):
    with av.open(str(file), "w") as out:
        stream = out.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), dtype=np.uint8))
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return file


def story_of(file, points=2):
    knowledge = (Knowledge("颜色", tuple(f"第{n}种" for n in range(points))),)
    clips = (Clip(0.0, 6.0, (ScriptLabel.CALL_TO_ACTION,), TEXT),)
    return Story("case", "手机壳", "zh", "ad", knowledge, clips, video=str(file))


def saved(story, out, dropped=0, **plan):
    out.mkdir(exist_ok=True)
    clip = story.clips[0]
    written = [WrittenClip(0, Written(WordRange(1, 40), clip.labels, TEXT), None, points_dropped=dropped)]
    whole = dataclasses.replace(plan_of(story), story=story, **plan)
    findings = Findings()
    save(out, whole, written, {"adapter": str(out), "base_model": None}, findings)
    show(whole, written, out, findings)
    return json.loads((out / "story.json").read_text(encoding="utf-8")), (out / "story.srt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("width", "height", "most"), [(160, 96, 20), (96, 160, 12)])
def test_upright_videos_have_shorter_lines(tmp_path, monkeypatch, width, height, most):
    file = video(tmp_path / "video.mp4", width, height)
    data, srt = saved(story_of(file), tmp_path / "out")
    assert data["record"]["picture"] == [width, height]
    lines = [line for line in srt.split("\n") if line and not line.isdigit() and "-->" not in line]
    assert 10 < max(map(len, lines)) <= most

    # An edited story knows it without a look at the video.
    plan = read_edited(tmp_path / "out" / "story.json", Findings())
    monkeypatch.setattr("vn.data.video.probe", None)
    assert saved(story_of(file), tmp_path / "again", picture=plan.picture)[1] == srt


def test_points_that_were_not_read_are_in_the_file_and_on_the_screen(tmp_path, capsys):
    data, _ = saved(story_of(video(tmp_path / "video.mp4", 96, 96), points=9), tmp_path / "out", dropped=2)
    assert data["knowledge_dropped"] == [{"aspect": "颜色", "point": f"第{n}种"} for n in (7, 8)]
    message = "2 of 9 knowledge points do not fit into the model's context and are left out: '第7种', '第8种'"
    assert message in data["warnings"][0]
    assert message in capsys.readouterr().err
    assert read_edited(tmp_path / "out" / "story.json", Findings()).first is None
    assert "knowledge_dropped" not in saved(story_of(tmp_path / "video.mp4"), tmp_path / "out")[0]
