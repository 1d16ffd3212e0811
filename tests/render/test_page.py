"""The story page as a file: what it holds, what it escapes, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from finished_runs import EVIL
from PIL import Image
from rendered_stories import COLOURS, NARRATIONS, change, write_film, write_rendered, write_story

from vn.errors import InputError
from vn.render.page import story_page, write_page
from vn.render.page.shown import off_range
from vn.story import WordRange


class Page(HTMLParser):
    """A page's elements, and the text in each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._skip = False
        self.raw = text
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._skip = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._skip = False

    def handle_data(self, data):
        if not self._skip:
            self.text.append(data)

    def all(self, tag: str, **wanted) -> list[dict[str, str | None]]:
        return [a for name, a in self.elements if name == tag and all(a.get(k) == v for k, v in wanted.items())]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page_of(folder: Path, **options) -> Page:
    return Page(write_page(folder, **options).read_text(encoding="utf-8"))


def frame_of(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGB"))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("rendered")
    write_rendered(folder)
    return folder


def test_it_shows_everything_that_is_known_of_a_clip(rendered):
    page = page_of(rendered)
    assert page.all("html") == [{"lang": "en"}]
    for text in (*NARRATIONS["en"], "Sore Point", "Product Effect", "90.0%", "boils in a minute"):
        assert text in page.words
    for text in (
        *("3 clips", "0:09.5 long", "2 of 3 narrations in range", "1 of 2 knowledge points used"),
        *("2 of 3 voices end in time", "piper:joe voice", "−16.0 LUFS loudness"),
        *("10 words, asked for 8 to 12", "3 words, asked for 10 to 14", "7 too few", "0.4 s too long"),
        *("4.3 s spoken in a clip of 4.0 s, speed 1.04", "yours", "otherwise: Others 6.0%"),
        *("used in clip 2", "left out of the prompt", "a general warning", "Clip 3 of 3", "is short"),
        "the voice ends 0.4 s after the clip",
    ):
        assert text in page.words, text
    assert "changed after" not in page.words


def test_everything_is_inside_and_only_its_own_script_runs(rendered):
    page = page_of(rendered)
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    for kind in ("script", "style"):
        inside = re.search(rf"<{kind}>(.*?)</{kind}>", page.raw, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on") or name == "style"]
    links = [a[n] for _, a in page.elements for n in ("src", "href") if a.get(n)]
    assert [link for link in links if not link.startswith(("data:", "#"))] == ["./story.mp4"]


def test_frames_are_of_their_clips(rendered):
    frames = [frame_of(each["src"]) for each in page_of(rendered).all("img", **{"class": "frame"})]
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert frame.shape[:2] == (90, 160)
        assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 12


@pytest.mark.parametrize("gop", [1, 1000])
def test_frames_are_found_whatever_the_distance_of_keyframes(tmp_path, gop):
    write_story(tmp_path, video=write_film(tmp_path / "film.mp4", gop=gop))
    frames = [frame_of(each["src"]) for each in page_of(tmp_path).all("img", **{"class": "frame"})]
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert np.abs(frame.mean(axis=(0, 1)) - colour).max() < 12


def test_subtitles_are_those_of_the_file(rendered):
    track = page_of(rendered).all("track")[0]
    assert track["src"].startswith("data:text/vtt")
    assert "default" in track
    inside = base64.b64decode(track["src"].partition(",")[2]).decode()
    assert inside == (rendered / "story.vtt").read_text(encoding="utf-8")


def test_burnt_subtitles_are_not_shown_twice(tmp_path):
    write_rendered(tmp_path)
    change(tmp_path / "story.json", render={"burn": True})
    assert "default" not in page_of(tmp_path).all("track")[0]


def test_a_small_video_is_inside_too_and_a_large_one_only_if_asked(rendered, monkeypatch):
    def kinds(**options):
        return [each["src"][:15] for each in page_of(rendered, **options).all("source")]

    both = ["./story.mp4", "data:video/mp4;"]
    assert kinds() == both
    assert kinds(embed=False) == both[:1]
    monkeypatch.setattr(story_page, "EMBEDDED", 1000)
    assert kinds() == both[:1]
    assert kinds(embed=True) == both
    assert (
        base64.b64decode(page_of(rendered, embed=True).all("source")[1]["src"].partition(",")[2])
        == (rendered / "story.mp4").read_bytes()
    )


def test_markup_in_any_text_is_escaped(tmp_path):
    write_rendered(tmp_path, evil=EVIL)
    page = page_of(tmp_path)
    assert len(page.all("script")) == 1
    assert not [attrs for tag, attrs in page.elements if tag == "img" and attrs.get("src") == "x"]
    assert page.raw.count(html.escape(EVIL)) + page.raw.count(html.escape(EVIL).replace("&#x27;", "&#39;")) > 10
    assert EVIL not in page.raw


def test_a_chinese_story_has_a_chinese_page(tmp_path):
    write_rendered(tmp_path, "zh")
    page = page_of(tmp_path)
    assert page.all("html") == [{"lang": "zh-CN"}]
    for text in (*NARRATIONS["zh"], "要求 13 至 17 字", "15 字", "超出 0.4 秒", "用于片段 2", "痛点铺垫"):
        assert text.replace(" ", "") in page.words.replace(" ", ""), text
    assert not re.search(r"in range|asked for|Knowledge|Skip|Play|Made by|Shots|otherwise|yours", page.words)


def test_without_a_rendering_it_plays_the_original(tmp_path):
    video = write_film(tmp_path / "a #1 ü%41?.mp4")
    write_story(tmp_path / "story", video=video)
    page = page_of(tmp_path / "story", embed=False)
    assert [each["src"] for each in page.all("source")] == ["../a%20%231%20%C3%BC%2541%3F.mp4"]
    assert "not rendered" in page.words
    assert "spoken in a clip" not in page.words


def test_without_a_video_it_has_the_text(tmp_path):
    write_story(tmp_path)
    (tmp_path / "story.vtt").unlink()
    page = page_of(tmp_path)
    assert not page.all("video")
    assert not page.all("img", **{"class": "frame"})
    assert "The video is not found" in page.words
    assert all(text in page.words for text in NARRATIONS["en"])


def test_a_narration_that_was_changed_since_it_was_spoken_is_marked(tmp_path):
    write_rendered(tmp_path)
    clips = json.loads((tmp_path / "story.json").read_text())["clips"]
    clips[0]["narration"] = "Hot tea at last!"
    change(tmp_path / "story.json", clips=clips)
    assert page_of(tmp_path).words.count("was changed after the video was rendered") == 1


def test_clips_are_shown_in_the_order_of_their_times(tmp_path):
    write_rendered(tmp_path)
    clips = json.loads((tmp_path / "story.json").read_text())["clips"]
    change(tmp_path / "story.json", clips=[clips[2], clips[0], clips[1]])
    names = [each["data-name"] for each in page_of(tmp_path).all("li") if "data-name" in each]
    assert [name.partition(":")[0] for name in names] == ["Clip 1 of 3, 0", "Clip 2 of 3, 0", "Clip 3 of 3, 0"]
    words = page_of(tmp_path).words
    assert words.index(NARRATIONS["en"][0]) < words.index(NARRATIONS["en"][1]) < words.index(NARRATIONS["en"][2])


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("label_odds", {"Sore Point": "much"}, "clips[0].label_odds"),
        ("label_odds", {"Sore Point": 1.5}, "clips[0].label_odds"),
        ("word_range", [7], "clips[0].word_range"),
        ("word_range", [7, 3], "clips[0].word_range"),
        ("knowledge_used", [{"aspect": "a"}], "clips[0].knowledge_used[0].point"),
        ("fixed", "labels", "clips[0].fixed"),
    ],
)
def test_a_damaged_field_of_the_story_is_named(tmp_path, name, value, field):
    write_story(tmp_path)
    clips = json.loads((tmp_path / "story.json").read_text())["clips"]
    clips[0][name] = value
    change(tmp_path / "story.json", clips=clips)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/story.json: kettle: {field}: ")):
        write_page(tmp_path)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"format": 2}, "format"),
        ({"video": "../secret.mp4"}, "video"),
        ({"video": "/etc/passwd"}, "video"),
        ({"video": "javascript:x"}, "video"),
        ({"fps": [25, 0]}, "fps"),
        ({"duration": "9"}, "duration"),
        ({"duration": float("nan")}, "duration"),
        ({"clips": [{"clip": -1}]}, "clips[0].clip"),
        ({"clips": [{"clip": 0, "voice_start": 2, "voice_end": 1}]}, "clips[0].voice_end"),
        ({"clips": 3}, "clips"),
        ({"voice": "joe"}, "voice"),
    ],
)
def test_a_damaged_field_of_the_rendering_is_named(tmp_path, values, field):
    write_rendered(tmp_path, sound=False)
    change(tmp_path / "render.json", **values)
    with pytest.raises(InputError, match=re.escape(f"{tmp_path}/render.json: {field}: ")):
        write_page(tmp_path)
    assert not (tmp_path / "story.html").exists()


def test_a_video_that_cannot_be_read_gives_a_page_without_frames(tmp_path):
    write_rendered(tmp_path)
    (tmp_path / "story.mp4").write_bytes(b"not a video")
    page = page_of(tmp_path)
    assert not page.all("img", **{"class": "frame"})
    assert page.all("source")


def test_how_far_a_narration_is_from_its_range():
    assert [off_range(n, WordRange(3, 5)) for n in (0, 2, 3, 5, 6, 9)] == [-3, -1, 0, 0, 1, 4]
    assert off_range(7, None) == 0
