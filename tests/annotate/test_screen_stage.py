"""Texts on frames: the frames at the middles of shots, each text once per video."""

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from text_cases import video

from vn.annotate.text.on_screen import LONGEST_SIDE, OnScreenStage, frames_at
from vn.errors import Findings, InputError
from vn.extras import is_here
from vn.io.disk_cache import DiskCache


def card(*texts, size=(640, 360), grey=40):
    image = Image.new("RGB", size, (grey, grey, grey))
    draw = ImageDraw.Draw(image)
    for n, text in enumerate(texts):
        draw.text((40, 40 + 90 * n), text, fill="white", font=ImageFont.load_default(44))
    return np.asarray(image)


def film(file, frames, rate=4):
    """A video that shows each frame for a second."""
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "18"}
        for frame in frames:
            for _ in range(rate):
                for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")):
                    container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def test_the_frames_on_screen_at_some_times(tmp_path):
    greys = [20, 90, 160, 230]
    film(tmp_path / "a.mp4", [card(grey=grey) for grey in greys])
    times = [0.0, 0.5, 1.5, 1.6, 3.5, 9.0]
    found = [round(float(frame.mean())) for frame in frames_at(tmp_path / "a.mp4", times)]
    assert len(found) == len(times)
    for grey, expected in zip(found, [20, 20, 90, 90, 230, 230], strict=True):
        assert abs(grey - expected) < 8
    assert list(frames_at(tmp_path / "a.mp4", [])) == []


def test_large_frames_are_scaled_down(tmp_path):
    film(tmp_path / "a.mp4", [card(size=(1920, 1080))])
    (frame,) = frames_at(tmp_path / "a.mp4", [0.5])
    assert frame.shape == (720, LONGEST_SIDE, 3)


def test_a_video_that_is_none_is_named(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"a\.mp4: .*not a video"):
        list(frames_at(tmp_path / "a.mp4", [1.0]))


@pytest.mark.skipif(is_here("rapidocr"), reason="rapidocr is installed")
def test_it_needs_its_extra():
    with pytest.raises(InputError, match=r"--on-screen-text: needs the package rapidocr"):
        OnScreenStage(DiskCache())


def test_texts_are_read_once_per_video(tmp_path, monkeypatch):
    pytest.importorskip("rapidocr")
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "a.mp4", [card("FREE DELIVERY"), card("FREE DELIVERY", "only today"), card("Call 13800138000")])
    stage = OnScreenStage(DiskCache())
    shots = {"shots": {"clips": [[0, 1], [1, 2], [2, 3]]}}
    made = stage.make(video(), shots, Findings())
    assert [text.lower() for text in made.result["texts"]] == ["free delivery", "only today"]
    assert made.counts == {"on_screen_texts": 2.0, "on_screen_private": 1.0}
    report = stage.report()
    assert report["on_screen_frames"] == 3
    assert report["on_screen_seconds"] > 0
