"""What `vn demo` reports about packing."""

from vn.demo.packing_speed import packing_speed


def test_both_ways_are_timed_on_a_finished_run(smoke_demo):
    took = packing_speed(smoke_demo / "runs" / "demo", steps=2)
    assert sorted(took) == ["clip", "tree"]
    assert all(seconds > 0 for seconds in took.values())
