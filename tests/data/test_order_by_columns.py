"""Orders, steps, micro-batches and estimates made from columns are, bit for bit, those made video by video."""

import dataclasses
import pickle

import numpy as np
import order_by_loops as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.data.order import Schedule, Steps, Video, Videos, deal, epoch_order, steps
from vn.data.samples import in_columns
from vn.data.shard_entries import SampleEntry, ShardEntry
from vn.data.token_estimates import estimated_videos

video = st.builds(Video, st.integers(0, 9), st.integers(0, 12), st.floats(1, 500), st.floats(0, 2000))
videos = st.lists(video, max_size=60)
blocks = st.sampled_from([None, 1, 2, 3, 50])


@given(videos, st.integers(0, 9), st.integers(0, 9), blocks)
@settings(max_examples=300)
def test_the_order_of_an_epoch(vs, seed, epoch, block):
    order = reference.epoch_order(vs, seed, epoch, block)
    assert epoch_order(vs, seed, epoch, block).tolist() == order
    assert epoch_order(Videos.of(vs), seed, epoch, block).tolist() == order


@given(videos, st.integers(0, 9), st.integers(1, 40), blocks)
@settings(max_examples=300)
def test_the_steps_of_an_epoch(vs, seed, clips, block):
    order = reference.epoch_order(vs, seed, 1, block)
    cut = reference.steps(vs, order, clips)
    assert list(steps(vs, order, clips)) == cut
    made = Schedule(Videos.of(vs), seed, clips, block).epoch(1)
    assert (list(made), len(made)) == (cut, len(cut))
    assert made[1:3] == cut[1:3]
    assert [made[-n] for n in range(1, len(cut) + 1)] == cut[::-1]


@given(st.lists(st.integers(0, 2**61), max_size=20), st.integers(1, 2**40))
def test_steps_of_any_number_of_clips(clips, enough):
    vs = [Video(0, n) for n in clips]
    assert list(steps(vs, range(len(vs)), enough)) == reference.steps(vs, list(range(len(vs))), enough)


@given(videos, st.integers(1, 9))
@settings(max_examples=300)
def test_dealing(vs, parts):
    step = [i for i, v in enumerate(vs) if v.narrated][:8]
    assert deal(vs, step, parts) == deal(Videos.of(vs), step, parts) == reference.deal(vs, step, parts)


def test_1000_shards_and_long_runs():
    random = np.random.default_rng(0)
    vs = [Video(n // 7, int(random.integers(0, 20))) for n in range(7000)]
    for seed, block in ((0, None), (1, 16), (2, 1)):
        mine = Schedule(Videos.of(vs), seed, 32, block)
        order = reference.epoch_order(vs, seed, 3, block)
        assert list(mine.epoch(3)) == reference.steps(vs, order, 32)
    assert mine.horizon(2) == sum(
        len(reference.steps(vs, reference.epoch_order(vs, 2, epoch, 1), 32)) for epoch in range(2)
    )


counts = st.integers(0, 10**6)
entries = st.lists(
    st.builds(
        SampleEntry,
        st.just("a"),
        counts,
        counts,
        counts,
        counts,
        counts,
        st.floats(0, 1e6),
        counts,
        st.just(""),
        counts,
    )
)


@given(entries, st.integers(1, 10**4), st.sampled_from(["zh", "en"]))
def test_estimated_costs(samples, tokens, language):
    samples = [dataclasses.replace(each, key=f"k{n}", shard_index=0) for n, each in enumerate(samples)]
    made = estimated_videos(in_columns([ShardEntry("a.tar", "", 0, samples)])[0], tokens, language)
    assert list(made) == [reference.estimated_video(each, tokens, language) for each in samples]
    assert all(type(each.narrated) is int and type(each.trunk) is float for each in made)


@given(entries, st.integers(1, 300), st.integers(1, 200))
def test_frames_that_clips_share_are_estimated_once(samples, tokens, frames):
    samples = [dataclasses.replace(each, key=f"k{n}", shard_index=0) for n, each in enumerate(samples)]
    columns = in_columns([ShardEntry("a.tar", "", 0, samples)])[0]
    none, shared = (estimated_videos(columns, tokens, "en", shared_frames=n) for n in (0, frames))
    assert [after.trunk - before.trunk for before, after in zip(none, shared, strict=True)] == pytest.approx(
        [frames * tokens] * len(samples)
    )
    assert len({each.branch for each in [*none, *shared]}) <= 1


def test_an_epoch_of_100_000_videos_is_a_few_arrays():
    """Loader processes get the plan: it has no object per video or step."""
    vs = Videos(np.arange(100_000) // 64, np.full(100_000, 7), np.ones(100_000), np.ones(100_000))
    plan = Schedule(vs, 0, 32).epoch(0)
    assert isinstance(plan, Steps)
    assert len(plan) == 20_000
    assert len(pickle.dumps(plan)) < 1_000_000
