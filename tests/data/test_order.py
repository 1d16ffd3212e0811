import math

from hypothesis import given, settings
from hypothesis import strategies as st

from vn.data.order import Schedule, Video, deal, epoch_order, steps

video = st.builds(Video, st.integers(0, 5), st.integers(0, 12), st.floats(1, 500))
videos = st.lists(video, min_size=1, max_size=40)


@given(videos, st.integers(0, 9), st.integers(0, 9), st.sampled_from([None, 1, 2, 3]))
def test_an_epoch_has_every_narrated_video_once_and_is_a_pure_function(vs, seed, epoch, block):
    order = epoch_order(vs, seed, epoch, block)
    assert sorted(order) == [i for i, v in enumerate(vs) if v.narrated]
    assert order == epoch_order(vs, seed, epoch, block)


@given(videos, st.integers(0, 9), st.integers(1, 3))
def test_samples_mix_only_within_a_block_of_shards(vs, seed, block):
    shards = [vs[i].shard for i in epoch_order(vs, seed, 0, block)]
    first = {s: shards.index(s) for s in shards}
    last = {s: len(shards) - 1 - shards[::-1].index(s) for s in shards}
    for place in range(len(shards)):
        open_here = [s for s in first if first[s] <= place <= last[s]]
        assert len(open_here) <= block


@given(videos, st.integers(1, 40), st.integers(0, 9))
def test_a_step_is_the_shortest_run_of_videos_that_holds_enough_clips(vs, clips, seed):
    order = epoch_order(vs, seed, 0)
    cut = steps(vs, order, clips)
    assert [i for step in cut for i in step] == order
    for n, step in enumerate(cut):
        total = sum(vs[i].narrated for i in step)
        assert total >= clips or n == len(cut) - 1
        assert total - vs[step[-1]].narrated < clips


@given(videos, st.integers(1, 8))
@settings(max_examples=200)
def test_dealing_gives_every_clip_once_to_exactly_so_many_parts(vs, parts):
    step = [i for i, v in enumerate(vs) if v.narrated]
    dealt = deal(vs, step, parts)
    assert len(dealt) == parts
    seen = [(u.video, c) for part in dealt for u in part for c in u.clips]
    assert sorted(seen) == [(i, c) for i in step for c in range(vs[i].narrated)]
    assert all(len({u.video for u in part}) == len(part) for part in dealt)
    loads = [sum(vs[u.video].tokens * len(u.clips) for u in part) for part in dealt]
    dearest = max((vs[i].tokens for i in step), default=0)
    assert max(loads) - min(loads) <= dearest + 1e-6  # greedy dealing is off by one clip at most


def test_a_long_video_is_split():
    dealt = deal([Video(0, 10)], [0], 4)
    assert sorted(len(part[0].clips) for part in dealt) == [2, 2, 3, 3]


def test_a_step_with_fewer_clips_than_parts_leaves_parts_empty():
    assert [len(part) for part in deal([Video(0, 1)], [0], 3)] == [1, 0, 0]


def test_steps_and_horizon_do_not_depend_on_the_machine():
    """Steps come before dealing, so ranks and workers cannot change them; epochs differ in order."""
    vs = [Video(i % 3, 1 + i % 7) for i in range(50)]
    schedule = Schedule(vs, seed=3, clips_per_step=16)
    assert schedule.horizon(3) == sum(len(schedule.epoch(e)) for e in range(3))
    assert schedule.epoch(0) != schedule.epoch(1)
    assert abs(len(schedule.epoch(0)) - math.ceil(sum(v.narrated for v in vs) / 16)) <= 3
    assert Schedule(vs, seed=4, clips_per_step=16).epoch(0) != schedule.epoch(0)
