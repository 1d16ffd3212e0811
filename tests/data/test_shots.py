"""Shots: cuts are found where they are, and the shots cover the video."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendered_videos import render_video

from vn.data.shots import find_shots, join_short
from vn.errors import Findings, InputError


def shot(colour: tuple[int, int, int], frames: int, fps: int = 10) -> list[np.ndarray]:
    """A square that moves slowly over a background."""
    pictures = []
    for n in range(frames):
        picture = np.full((96, 128, 3), colour, np.uint8)
        picture[30:60, 20 + n % 40 : 50 + n % 40] = 255 - np.array(colour)
        pictures.append(picture)
    return pictures


COLOURS = [(200, 60, 60), (60, 60, 200), (60, 180, 60), (200, 200, 60)]


def test_cuts_are_found_to_the_frame(tmp_path):
    lengths = [15, 23, 30, 12]
    pictures = [p for colour, length in zip(COLOURS, lengths, strict=True) for p in shot(colour, length)]
    path = render_video(tmp_path / "v.mp4", pictures)
    assert find_shots(path) == [(0.0, 1.5), (1.5, 3.8), (3.8, 6.8), (6.8, 8.0)]


def test_a_frame_rate_that_varies(tmp_path):
    pictures = shot(COLOURS[0], 20) + shot(COLOURS[1], 20)
    times = [n * 0.1 for n in range(20)] + [2.0 + n * 0.25 for n in range(20)]
    assert find_shots(render_video(tmp_path / "v.mkv", pictures, times=times))[0] == (0.0, 2.0)


def test_no_cut_is_one_shot(tmp_path):
    assert find_shots(render_video(tmp_path / "v.mp4", shot(COLOURS[0], 30))) == [(0.0, 3.0)]
    assert find_shots(render_video(tmp_path / "short.mp4", shot(COLOURS[0], 2))) == [(0.0, 0.2)]


def test_flashes_are_joined(tmp_path):
    pictures = shot(COLOURS[0], 20) + shot(COLOURS[1], 4) + shot(COLOURS[2], 20)
    assert find_shots(render_video(tmp_path / "v.mp4", pictures)) == [(0.0, 2.0), (2.0, 4.4)]


def test_a_missing_video(tmp_path):
    with pytest.raises(InputError, match=r"v\.mp4: s: no such video"):
        find_shots(tmp_path / "v.mp4", findings=Findings(), sample="s")


@given(st.lists(st.floats(0.01, 60), max_size=20), st.floats(0.1, 70), st.floats(0.1, 5))
def test_shots_cover_the_video_and_none_is_short(cuts, end, minimum):
    shots = join_short(sorted(cut for cut in cuts if cut < end), end, minimum)
    assert shots[0][0] == 0.0
    assert shots[-1][1] == round(end, 3)
    assert all(a[1] == b[0] for a, b in pairwise(shots))
    assert len(shots) == 1 or all(b - a >= minimum - 0.002 for a, b in shots)


def test_the_real_clip(real_data):
    shots = find_shots(real_data / "real_clip_10s.mp4")
    assert shots[0][0] == 0.0
    assert shots[-1][1] == pytest.approx(10.0, abs=0.05)
