"""Rendered videos: real files with cuts where the stories say, the same bytes each time."""

import av
import numpy as np
import pytest
from scenedetect import ContentDetector, detect

from vn.demo.english import ENGLISH
from vn.demo.film import make_film
from vn.demo.render import RATE, SIZE, frames, render


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    films = [make_film(ENGLISH, 3, "test", i) for i in range(6)]
    for film in films:
        render(film, folder / f"{film.story.id}.mp4")
    return [(film, folder / f"{film.story.id}.mp4") for film in films]


def test_a_video_is_h264_of_the_story_s_length(rendered):
    for film, path in rendered:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            pictures = [frame.pts * frame.time_base for frame in container.decode(stream)]
            assert stream.codec_context.name == "h264"
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert (stream.width, stream.height) == SIZE
        assert len(pictures) == film.story.duration * RATE
        assert pictures == sorted(pictures)
        assert float(pictures[-1]) == pytest.approx(film.story.duration - 1 / RATE)


def test_the_same_film_gives_the_same_bytes(rendered, tmp_path):
    film, path = rendered[0]
    render(film, tmp_path / "again.mp4")
    assert (tmp_path / "again.mp4").read_bytes() == path.read_bytes()


def test_pyscenedetect_finds_every_cut_and_no_other(rendered):
    for film, path in rendered:
        cuts = [clip.start for clip in film.story.clips[1:]]
        found = [start.seconds for start, _ in detect(str(path), ContentDetector())][1:]
        assert found == pytest.approx(cuts, abs=0.11)


def test_frames_within_a_clip_are_nearly_alike_and_across_a_cut_are_not(rendered):
    for film, _ in rendered:
        pictures = np.stack(list(frames(film))).astype(float)
        assert pictures.shape[1:] == (SIZE[1] * 3 // 2, SIZE[0])
        change = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2))
        cuts = np.array([round(clip.start * RATE) - 1 for clip in film.story.clips[1:]])
        within = np.delete(change, cuts)
        assert change[cuts].min() > 1.5 * within.max()
        assert within.min() > 0  # the camera never stands still


def test_nothing_is_left_when_rendering_fails(tmp_path, monkeypatch):
    film = make_film(ENGLISH, 3, "test", 0)
    pictures = list(frames(film))[:3]

    def broken(_):
        yield from pictures
        raise RuntimeError("power cut")

    monkeypatch.setattr("vn.demo.render.frames", broken)
    with pytest.raises(RuntimeError, match="power cut"):
        render(film, tmp_path / "half.mp4")
    assert list(tmp_path.iterdir()) == []
