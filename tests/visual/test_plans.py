"""The plans of a video's clips, which share what they have in common, compared with those of each clip alone."""

import itertools

import numpy as np
import plans_alone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.story import Clip, Story
from vn.visual import similarity
from vn.visual.plan import VisualPlans, VisualSettings
from vn.visual.similarity import Frames

SETTINGS = [
    VisualSettings(),
    VisualSettings(memory_length=3),
    VisualSettings(memory="all"),
    VisualSettings(memory="none", threshold=0.5),
    VisualSettings(compression=False),
    VisualSettings(scene=False),
]


def frames_of(kind, count, width, random):
    """Token means that are drawn, repeated, apart by single bits, small whole numbers (ties), or walk about."""
    if kind == "drawn":
        return random.normal(size=(count, width)).astype(np.float32)
    if kind == "repeated":
        return random.normal(size=(3, width)).astype(np.float32)[random.integers(3, size=count)]
    if kind == "nearly equal":
        means = np.repeat(random.normal(size=(1, width)).astype(np.float32), count, axis=0)
        return np.nextafter(means, np.float32(np.inf) * random.choice([-1, 1], size=means.shape).astype(np.float32))
    if kind == "tied":
        return random.integers(-1, 2, size=(count, width)).astype(np.float32)
    return random.normal(size=(count, width)).cumsum(0)  # float64, as standardised means may be


def story_of(count, random, overlapping):
    """Clips over `count` seconds; one in four is silent."""
    cuts = np.unique([0, count, *random.integers(0, count + 1, size=max(1, count // 4))]).tolist()
    clips = [
        Clip(max(0, start - 2 * overlapping * (n % 2)), end, None, "Tea." if random.random() < 0.75 else None)
        for n, (start, end) in enumerate(itertools.pairwise(cuts))
    ]
    return Story("a", "A", "en", "ad", (), tuple(clips))


def assert_equal_plans(means, seconds, story, chosen, threshold):
    plans = VisualPlans(means, seconds, story, chosen, threshold)
    for clip in reversed(range(len(story.clips))) if len(story.clips) % 2 else range(len(story.clips)):
        found, expected = plans.plan(clip), plans_alone.plan_alone(means, seconds, story, clip, chosen, threshold)
        assert found.memory == expected.memory
        assert found.weights.dtype == expected.weights.dtype
        np.testing.assert_array_equal(found.weights, expected.weights)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.sampled_from([1, 2, 7, 64, 1334]),
    st.sampled_from(["drawn", "repeated", "nearly equal", "tied", "walking"]),
    st.sampled_from(SETTINGS),
    st.booleans(),
)
@settings(max_examples=200)
def test_the_plans_of_a_video_are_those_of_its_clips_alone(seed, count, width, kind, chosen, overlapping):
    random = np.random.default_rng(seed)
    means, story = frames_of(kind, count, width, random), story_of(count, random, overlapping)
    neighbours = [plans_alone.cosine(a, b) for a, b in itertools.pairwise(means.astype(np.float64))]
    # At a similarity that occurs, the last bit decides.
    threshold = float(random.choice(neighbours)) if neighbours and seed % 2 else 0.9
    assert_equal_plans(means, np.arange(count, dtype=np.float32), story, chosen, threshold)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 63, 768, 1334]))
@settings(max_examples=30)
def test_stacked_products_have_the_bits_of_single_ones(seed, width):
    means = np.random.default_rng(seed).normal(size=(9, width))
    video = Frames(means)
    for n, (left, right) in enumerate(itertools.pairwise(video.all)):
        assert video.similarity(left, right) == plans_alone.cosine(means[n], means[n + 1])


def test_nothing_is_kept_beyond_the_bound(monkeypatch):
    monkeypatch.setattr(similarity, "MOST_KEPT", 10 * 8 * 16)  # ten averages
    random = np.random.default_rng(0)
    means, story = frames_of("walking", 60, 16, random), story_of(60, random, False)
    assert_equal_plans(means, np.arange(60, dtype=np.float32), story, VisualSettings(), 0.9)


@pytest.mark.parametrize("count", [2000])
def test_a_long_video_takes_comparisons_in_proportion_to_its_length(count, monkeypatch):
    """Of two hours at a frame each 4 seconds, say: no table of all pairs."""
    random = np.random.default_rng(0)
    means = random.normal(size=(count, 8)).cumsum(0)
    story = Story("a", "A", "en", "ad", (), (Clip(0, count - 10, None, "Tea."), Clip(count - 10, count, None, "Tea.")))
    compared = []
    plain = similarity._cosine
    monkeypatch.setattr(similarity, "_cosine", lambda *pair: compared.append(0) or plain(*pair))
    plans = VisualPlans(means, np.arange(count, dtype=np.float32), story, VisualSettings(), 0.9)
    plans.plan(1)
    assert len(compared) < 4 * count
