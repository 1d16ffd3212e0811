"""Reading ahead: order, errors, bounded memory, and threads that end."""

import threading
import time
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vn.data.read_ahead import ReadAhead


def count_to(count: int, fail: bool = False):
    yield from range(count)
    if fail:
        raise ValueError(f"after {count}")


def threads() -> int:
    return sum(thread.name.startswith("read-ahead-") for thread in threading.enumerate())


@settings(max_examples=40, deadline=None)
@given(
    sources=st.lists(st.tuples(st.integers(0, 7), st.booleans(), st.integers(0, 7)), max_size=8),
    workers=st.integers(1, 4),
    depth=st.integers(1, 3),
    window=st.none() | st.integers(1, 6),
)
def test_items_come_in_order_with_the_errors_in_their_place(sources, workers, depth, window):
    with ReadAhead([partial(count_to, count, fail) for count, fail, _ in sources], workers, depth, window) as ahead:
        taken = 0
        for items, (count, fail, wanted) in zip(ahead, sources, strict=True):
            taken += 1
            if wanted < count:  # a consumer that gives up on the way
                assert [next(items) for _ in range(wanted)] == list(range(wanted))
            elif fail:
                got = []
                with pytest.raises(ValueError, match=f"after {count}"):
                    got.extend(items)
            else:
                assert list(items) == list(range(count))
        assert taken == len(sources)
    assert threads() == 0


def test_it_does_not_run_further_ahead_than_told():
    made = []

    def source():
        for n in range(100):
            made.append(n)
            yield n

    with ReadAhead([source], threads=1, depth=2) as ahead:
        items = next(iter(ahead))
        for n in range(5):
            assert next(items) == n
        time.sleep(0.1)
        assert len(made) <= 5 + 2 + 1
    assert threads() == 0


def test_a_window_bounds_the_sources_under_way():
    begun = []

    def source(number):
        begun.append(number)
        yield number

    with ReadAhead([partial(source, n) for n in range(20)], threads=2, window=5) as ahead:
        end = time.monotonic() + 300
        while len(begun) < 5 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)  # for what should not be
        assert sorted(begun) == [0, 1, 2, 3, 4]
        for number, items in enumerate(ahead):
            assert list(items) == [number]
    assert sorted(begun) == list(range(20))


def test_sources_run_beside_each_other():
    both = threading.Barrier(2, timeout=300)

    def source():
        both.wait()  # breaks unless two run at once
        yield 1

    with ReadAhead([source, source], threads=2) as ahead:
        assert [list(items) for items in ahead] == [[1], [1]]


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("window", [None, 8])
def test_leaving_early_ends_the_threads(count, window):
    """Also where many more sources are left than may be begun."""
    with ReadAhead([partial(count_to, 1000)] * count, threads=2, window=window) as ahead:
        next(next(iter(ahead)))
    assert threads() == 0


def test_items_taken_too_late_do_not_hang():
    with ReadAhead([partial(count_to, 1000)] * 2, threads=1) as ahead:
        first, second = iter(ahead), None
        items = next(first)
        second = next(first)
        assert next(second) == 0
        with pytest.raises(RuntimeError, match="dropped"):
            list(items)
