"""Requests are repeated as often as it says, with pauses that grow, are random, and honour Retry-After."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vn.errors import InputError
from vn.io import retries
from vn.io.retries import Patience, Transient, Unreachable, retried


@pytest.fixture
def slept(monkeypatch):
    pauses = []
    monkeypatch.setattr(retries.time, "sleep", pauses.append)
    return pauses


def failing(times, after=None):
    """A request that fails a number of times."""
    sent = []

    def request():
        sent.append(len(sent))
        if len(sent) <= times:
            raise Transient("the server answers 503", after)
        return "data"

    request.sent = sent
    return request


def test_a_request_is_sent_until_it_succeeds(slept):
    request = failing(5)
    assert retried(request, "s3://bucket/x", Patience()) == "data"
    assert len(request.sent) == 6
    assert len(slept) == 5


def test_and_not_for_ever(slept):
    request = failing(100)
    with pytest.raises(Unreachable, match=r"^s3://bucket/x: cannot be reached: the server answers 503 \(4 attempts in"):
        retried(request, "s3://bucket/x", Patience(attempts=4))
    assert len(request.sent) == 4


def test_a_long_wait_is_shown_once(slept, caplog, monkeypatch):
    monkeypatch.setattr(retries, "_shown", [])
    for times in (2, 4, 5):
        assert retried(failing(times), "https://host/a") == "data"
    (record,) = caplog.records
    message = "https://host/a: the server answers 503; asked again, up to 8 times; further such pauses are not shown"
    assert record.getMessage() == message


def test_what_no_repetition_mends_is_raised_at_once(slept):
    def request():
        raise InputError("no such file")

    with pytest.raises(InputError, match="no such file"):
        retried(request, "x")
    assert not slept


@given(st.integers(1, 40), st.none() | st.floats(0, 1e9))
def test_pauses_grow_to_the_longest_and_are_at_least_what_the_server_asks_for_within_reason(failed, after):
    patience = Patience(first=0.5, longest=60)
    pause = patience.pause(failed, after)
    assert min(60, 0.5 * 2 ** (failed - 1)) / 2 <= pause <= 60
    if after is not None:
        assert pause >= min(after, 60)


def test_two_readers_do_not_come_back_together():
    assert len({Patience().pause(5, None) for _ in range(20)}) > 10


def test_the_random_state_of_a_run_is_its_own(slept):
    random.seed(3)
    state = random.getstate()
    retried(failing(5), "x")
    assert random.getstate() == state
