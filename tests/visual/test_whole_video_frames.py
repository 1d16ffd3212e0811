import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vn.story import Clip, Story
from vn.visual.plan import VisualSettings, video_frames, visual_plan

WHOLE = VisualSettings(compression=False, memory="none", position=False, scope="video", frames=100)


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=60, unique=True).map(sorted),
    st.integers(1, 400),
    st.integers(1, 120),
)
def test_each_frame_is_the_nearest_to_the_middle_of_its_part(seconds, end, count):
    """Oracle: all distances."""
    seconds = np.array(seconds, dtype=np.float32)
    found = video_frames(seconds, end, count)
    assert found.shape == (count,)
    assert (np.diff(found) >= 0).all()
    for n, index in enumerate(found):
        middle = (n + 0.5) * end / count
        distances = np.abs(seconds.astype(np.float64) - middle)
        assert distances[index] <= distances.min() + 1e-9


def test_a_hundred_frames_of_a_hundred_seconds_are_all_frames():
    assert video_frames(np.arange(100, dtype=np.float32), 100, 100).tolist() == list(range(100))


def test_the_plan_is_the_same_for_all_clips_and_repeats_frames_of_a_short_video():
    seconds = np.arange(8, dtype=np.float32)
    story = Story("a", "A", "en", "ad", (), (Clip(0, 3), Clip(3, 8)))
    plans = [visual_plan(np.zeros((8, 4), np.float32), seconds, story, clip, WHOLE, 0.9) for clip in (0, 1)]
    np.testing.assert_array_equal(plans[0].weights, plans[1].weights)
    assert plans[0].weights.shape == (100, 8)
    assert (plans[0].weights.sum(axis=1) == 1).all()
    assert set(plans[0].weights.sum(axis=0)) <= {12.0, 13.0, 6.0, 7.0, 18.0, 19.0}
    assert plans[0].memory == 0


def test_frames_after_the_last_clip_are_not_the_videos():
    """Times in prompts are on the same scale as the frames."""
    assert video_frames(np.arange(100, dtype=np.float32), 50, 50).tolist() == list(range(50))
