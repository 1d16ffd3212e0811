import math

from hypothesis import given, settings
from hypothesis import strategies as st

from vn.data.order import Schedule, Video, deal, epoch_order, steps

video = st.builds(Video, st.integers(0, 5), st.integers(0, 12), st.floats(1, 500), st.floats(0, 2000))
videos = st.lists(video, min_size=1, max_size=40)


@given(videos, st.integers(0, 9), st.integers(0, 9), st.sampled_from([None, 1, 2, 3]))
def test_an_epoch_has_every_narrated_video_once_and_is_a_pure_function(vs, seed, epoch, block):
    order = epoch_order(vs, seed, epoch, block)
    assert sorted(order) == [i for i, v in enumerate(vs) if v.narrated]
    assert order.tolist() == epoch_order(vs, seed, epoch, block).tolist()


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
    assert [i for step in cut for i in step] == order.tolist()
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


def cost(vs, dealt):
    return [sum(vs[u.video].cost(len(u.clips)) for u in part) for part in dealt]


@given(videos, st.integers(1, 8))
@settings(max_examples=200)
def test_dealing_cuts_videos_only_for_a_cheaper_dearest_part(vs, parts):
    """Never dearer than whole videos, dearest first to the emptiest part; and what it adds in trunks is won back."""
    step = [i for i, v in enumerate(vs) if v.narrated]
    if not step:
        return
    whole = [0.0] * parts
    for price in sorted((vs[i].cost(vs[i].narrated) for i in step), reverse=True):
        whole[whole.index(min(whole))] += price
    costs = cost(vs, deal(vs, step, parts))
    assert max(costs) <= max(whole) + 1e-6
    assert sum(costs) - sum(whole) <= parts * (max(whole) - max(costs)) + 1e-6


def test_a_long_video_is_split():
    dealt = deal([Video(0, 10)], [0], 4)
    assert sorted(len(part[0].clips) for part in dealt) == [2, 2, 3, 3]


def test_videos_stay_whole_where_there_are_as_many_as_parts():
    """Clips of a video that are dealt apart would repeat their trunk: 5 videos on 5 parts are not to be mixed."""
    vs = [Video(0, 7, branch=200, trunk=1000) for _ in range(5)]
    dealt = deal(vs, range(5), 5)
    assert sorted(unit.video for part in dealt for unit in part) == list(range(5))


def test_without_shared_text_parts_are_about_equal():
    vs = [Video(0, 7, branch=200) for _ in range(5)]
    costs = cost(vs, deal(vs, range(5), 4))
    assert max(costs) - min(costs) <= 2 * 200


def test_a_step_with_fewer_clips_than_parts_leaves_parts_empty():
    assert [len(part) for part in deal([Video(0, 1)], [0], 3)] == [1, 0, 0]


def test_steps_and_horizon_do_not_depend_on_the_machine():
    """Steps come before dealing, so ranks and workers cannot change them; epochs differ in order."""
    vs = [Video(i % 3, 1 + i % 7) for i in range(50)]
    schedule = Schedule(vs, seed=3, clips_per_step=16)
    assert schedule.horizon(3) == sum(len(schedule.epoch(e)) for e in range(3))
    assert [schedule.horizon(3, most) for most in (0, 4, 10**6)] == [0, 4, schedule.horizon(3)]
    assert list(schedule.epoch(0)) != list(schedule.epoch(1))
    assert abs(len(schedule.epoch(0)) - math.ceil(sum(v.narrated for v in vs) / 16)) <= 3
    assert list(Schedule(vs, seed=4, clips_per_step=16).epoch(0)) != list(schedule.epoch(0))
