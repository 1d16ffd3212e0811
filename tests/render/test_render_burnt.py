"""Subtitles drawn into the frames."""

from pathlib import Path

import numpy as np
import pytest
from played import make_video, write_story

from vn.data.video import VideoReader, probe
from vn.errors import InputError
from vn.render.burn import FONTS, _installed, find_font

LATIN = next(_installed(FONTS["en"]), None)
pytestmark = pytest.mark.skipif(LATIN is None, reason="needs an installed font with Latin letters")


def whites(film: Path) -> list[tuple[float, int, float]]:
    """Time, number of white pixels and their mean height (0 top, 1 bottom), frame by frame."""
    reader = VideoReader(film)
    out = []
    for time, frame in reader.frames():
        rows = np.flatnonzero((reader.picture(frame).min(axis=2) > 215).any(axis=1))
        count = int((reader.picture(frame).min(axis=2) > 215).sum())
        out.append((time, count, float(rows.mean() / frame.height) if len(rows) else 0.0))
    return out


@pytest.mark.parametrize("rotation", [0, 90])
def test_a_subtitle_is_drawn_at_the_bottom_while_it_is_shown(tmp_path, render, rotation):
    video = make_video(
        tmp_path / "v.mov", [n / 10 for n in range(40)], size=(240, 160), rotation=rotation, options={"crf": "10"}
    )
    story = write_story(tmp_path / "story", video, ((0, 1), (2, 4)), (None, "Two words."))
    done = render(story, burn=True, font=LATIN, voice=None)
    film = tmp_path / "story" / "story.mp4"
    assert done.report["streams"] == {"video": "encoded", "why": "subtitles are drawn into the frames"}
    assert (probe(film).width, probe(film).height) == (probe(video).width, probe(video).height)
    found = whites(film)
    assert len(found) == 40
    plain = {time: count for time, count, _ in whites(video)}
    drawn = [time for time, count, _ in found if count > plain[min(plain, key=lambda t: abs(t - time))] + 20]
    assert drawn == pytest.approx([n / 10 for n in range(20, 40)], abs=0.01)


def test_a_font_without_the_characters_is_refused():
    with pytest.raises(InputError, match="the font has no '热'"):
        find_font("zh", LATIN, ["热茶 tea"])
    assert find_font("en", LATIN, ["Tea"]) == LATIN
    assert find_font("en", None, ["Tea"])


def test_no_font_at_all_is_said_with_the_option(monkeypatch):
    monkeypatch.setattr("vn.render.burn.FOLDERS", ())
    with pytest.raises(InputError, match=r"no font with Chinese characters .* --font FILE"):
        find_font("zh", None, ["热茶"])
