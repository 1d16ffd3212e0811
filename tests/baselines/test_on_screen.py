"""Text on frames: what is listed once, and that RapidOCR (if it is here) reads each frame once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from vn.baselines.on_screen import OnScreen, new_texts
from vn.baselines.writer import BaselineVideo
from vn.errors import Findings
from vn.io.disk_cache import DiskCache
from vn.story import Clip, Story, WordRange


@given(st.lists(st.lists(st.sampled_from(["SALE", "sale", "now", "50 %", ""]), max_size=4), max_size=8))
def test_a_text_that_stays_on_is_listed_once_and_none_is_lost(frames):
    found = new_texts(frames)
    assert {text.casefold() for text in found} == {text.casefold() for texts in frames for text in texts if text}
    assert new_texts([frame for each in frames for frame in (each, each)]) == found, "twice as long"


def test_a_text_that_comes_back_is_listed_again():
    assert new_texts([["SALE"], ["SALE", "now"], [], ["SALE"]]) == ("SALE", "now", "SALE")


def frame(*texts, height=360):
    image = Image.new("RGB", (640, height), (220, 30, 30))
    draw = ImageDraw.Draw(image)
    for n, text in enumerate(texts):
        draw.text((40, 40 + 90 * n), text, fill="white", font=ImageFont.load_default(44))
    return np.asarray(image)


class Frames:
    """Frames of two clips of two seconds each."""

    def __init__(self, *frames):
        self.frames = frames

    def rgb(self):
        return self.frames, np.arange(len(self.frames), dtype=np.float32)


def test_texts_of_clips(tmp_path):
    pytest.importorskip("rapidocr")
    story = Story("a", "x", "en", "ad", (), (Clip(0, 2), Clip(2, 4)))
    shown = Frames(frame("FREE DELIVERY"), frame("FREE DELIVERY", "only today"), frame(), frame("BUY NOW"))
    video = BaselineVideo(story, (0, 1), dict.fromkeys((0, 1), WordRange(1, 9)), shown)
    cache, findings = DiskCache(tmp_path / "asked.sqlite"), Findings()
    reader = OnScreen(cache, findings)
    assert reader.of(video, (0, 1)) == {0: ("FREE DELIVERY", "only today"), 1: ("BUY NOW",)}
    assert not findings
    again = OnScreen(cache, findings)
    again.__dict__["_engine"] = None  # whatever asks it fails
    assert again.of(video, (1,)) == {1: ("BUY NOW",)}
    small = BaselineVideo(story, (0,), video.words, Frames(*[frame("BUY", height=96)] * 4))
    reader.of(small, (0,))
    assert "text is read on frames 96 pixels high, which is small: give --videos" in findings.lines[0]
