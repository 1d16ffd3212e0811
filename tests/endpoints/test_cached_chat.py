"""Every question is asked once: in threads, in other processes, and after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hold import environment, wait_for
from hypothesis import given
from hypothesis import strategies as st

from vn.endpoints.cached import CachedChat, Price, digest
from vn.endpoints.chat import Message, Reply
from vn.errors import InputError
from vn.io.disk_cache import DiskCache

HELLO = [Message("user", "Hello")]


class Counting:
    """A chat model that counts, and waits if there is something to wait for."""

    id, key, workers = "counting", "counting v1", 4

    def __init__(self, fault=None, gate=None):
        self.asked, self.fault, self.gate = [], fault, gate

    def ask(self, messages, max_tokens):
        self.asked.append((messages, max_tokens))
        if self.gate is not None:
            assert self.gate.wait(60)
        if self.fault is not None:
            raise self.fault
        return Reply(f"reply {len(self.asked)}", 1000, 100, cut=max_tokens == 1)


def test_tokens_money_and_replies_from_the_cache_are_counted(tmp_path):
    model, cache = Counting(), DiskCache(tmp_path / "asked.sqlite")
    chat = CachedChat(model, cache, "captions", Price(2.0, 10.0))
    assert [chat.ask(HELLO, n).text for n in (1, 2, 1)] == ["reply 1", "reply 2", "reply 1"]
    assert chat.report() == {
        "captions_requests": 2,
        "captions_cached": 1,
        "captions_prompt_tokens": 2000,
        "captions_completion_tokens": 200,
        "captions_cut": 1,
        "captions_dollars": pytest.approx((2000 * 2 + 200 * 10) / 1e6),
    }
    again = CachedChat(Counting(), DiskCache(tmp_path / "asked.sqlite"), price=Price(2.0, 10.0))
    assert again.ask(HELLO, 1) == Reply("reply 1", 1000, 100, cut=True, kept=True)
    assert (again.model.asked, again.report()["chat_dollars"], again.report()["chat_cached"]) == ([], 0, 1)
    assert not any("dollars" in name for name in CachedChat(model, cache).report()), "nobody said what tokens cost"


def test_a_question_that_is_asked_again_has_a_new_reply_from_then_on(tmp_path):
    cache, model = DiskCache(tmp_path / "asked.sqlite"), Counting()
    CachedChat(model, cache).ask(HELLO, 2)
    chat = CachedChat(model, cache)
    assert chat.ask(HELLO, 2) == Reply("reply 1", 1000, 100, kept=True)
    assert chat.ask(HELLO, 2, again=True) == Reply("reply 2", 1000, 100)
    assert chat.ask(HELLO, 2) == Reply("reply 2", 1000, 100)  # not kept from before: it was asked here
    assert chat.ask(HELLO, 2, again=True) == Reply("reply 2", 1000, 100)
    assert CachedChat(model, cache).ask(HELLO, 2) == Reply("reply 2", 1000, 100, kept=True)


def test_asking_again_does_not_wait_for_a_thread_that_reads_the_reply_from_before(tmp_path):
    class Slow(DiskCache):
        reads, goes_on = threading.Event(), threading.Event()

        def get(self, maker, texts):
            found = super().get(maker, texts)
            self.reads.set()
            assert self.goes_on.wait(60)
            return found

    file, model = tmp_path / "asked.sqlite", Counting()
    CachedChat(model, DiskCache(file)).ask(HELLO, 2)
    cache = Slow(file)
    chat = CachedChat(model, cache)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(chat.ask, HELLO, 2)
        assert cache.reads.wait(60)
        assert chat.ask(HELLO, 2, again=True) == Reply("reply 2", 1000, 100)
        cache.goes_on.set()
        assert reading.result(60) == Reply("reply 1", 1000, 100, kept=True)  # and so can be asked for again
    assert chat.ask(HELLO, 2, again=True) == Reply("reply 2", 1000, 100)


def test_a_question_of_many_threads_at_once_is_asked_once():
    gate = threading.Event()
    model = Counting(gate=gate)
    chat = CachedChat(model, DiskCache())
    with ThreadPoolExecutor(16) as pool:
        replies = [pool.submit(chat.ask, HELLO, 7) for _ in range(16)]
        other = pool.submit(chat.ask, HELLO, 8)
        gate.set()
        assert {reply.result(60).text for reply in replies} | {other.result(60).text} <= {"reply 1", "reply 2"}
    assert len(model.asked) == 2
    assert (chat.report()["chat_requests"], chat.report()["chat_cached"]) == (2, 15)


def test_a_fault_is_everyones_and_is_not_kept():
    model = Counting(InputError("busy"))
    chat = CachedChat(model, DiskCache())
    for _ in range(2):
        with pytest.raises(InputError, match="busy"):
            chat.ask(HELLO, 7)
    model.fault = None
    assert chat.ask(HELLO, 7).text == "reply 3"
    assert chat.report()["chat_requests"] == 1


MESSAGES = st.lists(
    st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(), st.lists(st.binary()).map(tuple)), max_size=3
)


@given(MESSAGES, MESSAGES, st.integers(1, 3), st.integers(1, 3))
def test_digests_are_equal_only_for_equal_questions(one, other, few, many):
    assert (digest(one, few) == digest(other, many)) == ((one, few) == (other, many))


def test_a_killed_process_is_asked_for_nothing_twice(tmp_path):
    """Kill -9 while the server hangs: what was answered is on disk, and only the rest is asked for again."""
    pytest.importorskip("openai")
    from chat_server import ChatServer

    mended = threading.Event()
    server = ChatServer(lambda question, n: f"about {question}" if n <= 3 or mended.is_set() else "hang")
    command = [sys.executable, str(Path(__file__).with_name("asking.py")), server.url, str(tmp_path / "c.sqlite")]
    command += list("abcdefg")
    variables = environment(PYTHONPATH=str(Path(__file__).parents[2]), OPENAI_API_KEY="sk-very-secret")
    try:
        process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            wait_for(process, lambda: len(server.questions) == 4)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=300)
        mended.set()
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
        assert done.stdout.splitlines()[:-1] == [f"about {question}" for question in "abcdefg"], done.stderr
        asked = [question["messages"][0]["content"] for question in server.questions]
        assert asked == [*"abcd", *"defg"], "only the one that was never answered is asked for again"
    finally:
        server.close()
    assert not any(b"sk-very-secret" in file.read_bytes() for file in tmp_path.iterdir())
