"""Which frames of a clip are shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.baselines.frames import evenly, shown
from vn.errors import InputError
from vn.story import Clip


@given(st.integers(1, 200), st.integers(1, 150))
def test_frames_are_in_order_symmetric_and_each_as_often_as_the_others(count, wanted):
    chosen = evenly(count, wanted)
    assert len(chosen) == wanted
    assert (np.diff(chosen) >= 0).all()
    assert chosen[0] >= 0
    assert chosen[-1] < count
    often = np.bincount(chosen, minlength=count)
    assert often.max() - often.min() <= 1
    gaps = np.diff(chosen)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


def test_all_frames_once_if_they_are_as_many():
    assert evenly(8, 8).tolist() == list(range(8))


def frames(count, height=4):
    return [np.full((height + (n > 5), 6, 3), n, np.uint8) for n in range(count)]


def test_a_clip_shows_its_own_frames_with_times_since_its_start():
    seen = shown(frames(10), np.arange(10.0), Clip(2.0, 5.0), 8, False, "v")
    assert seen.rgb[:, 0, 0, 0].tolist() == [2, 3, 4]
    assert seen.seconds.tolist() == [0, 1, 2]
    assert seen.duration == 3


def test_a_short_clip_repeats_frames_if_asked_to():
    seen = shown(frames(10), np.arange(10.0), Clip(2.0, 5.0), 8, True, "v")
    assert seen.rgb[:, 0, 0, 0].tolist() == [2, 2, 2, 3, 3, 4, 4, 4]


def test_a_clip_between_two_frames_shows_the_nearest_one():
    seen = shown(frames(4), np.arange(4.0), Clip(1.2, 1.9), 8, False, "v")
    assert seen.rgb[:, 0, 0, 0].tolist() == [2]
    assert 0 <= seen.seconds[0] <= seen.duration


def test_frames_of_another_size_get_that_of_the_clips_first():
    seen = shown(frames(10), np.arange(10.0), Clip(4.0, 8.0), 8, False, "v")
    assert seen.rgb.shape == (4, 4, 6, 3)


def test_other_frames_or_times_have_another_hash():
    hashes = {shown(frames(10), np.arange(10.0), Clip(2.0, end), 8, False, "v").sha256 for end in (4.0, 4.5, 5.0)}
    assert len(hashes) == 3
    assert shown(frames(10), np.arange(10.0), Clip(2.0, 4.0), 8, False, "v").sha256 in hashes


def test_a_video_without_frames_is_named():
    with pytest.raises(InputError, match="kettle: has no frames"):
        shown([], np.arange(0.0), Clip(0.0, 1.0), 8, False, "kettle")
