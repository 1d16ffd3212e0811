"""The order by a chat model over a real socket: what is a permutation is taken, all else is refused and named."""

import pytest
from chat_server import ChatServer
from toy_narrator import STORY

from vn.endpoints.cached import CachedChat
from vn.endpoints.openai_chat import OpenAIChat
from vn.io.disk_cache import DiskCache
from vn.order.chat_order import ByChat, question, read_order
from vn.order.clips import Clips, clips_of

CLIPS = clips_of(STORY)


@pytest.fixture
def ask(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    servers = []

    def asked(*replies, clips=CLIPS, shown="texts", blind=False):
        server = ChatServer(lambda text, number: replies[min(number, len(replies)) - 1], blind=blind)
        servers.append(server)
        cache = DiskCache(tmp_path / "order.sqlite")
        method = ByChat(CachedChat(OpenAIChat("m", server.url, 1), cache), shown)
        return method.order(clips), method, server

    yield asked
    for server in servers:
        server.close()


def test_a_permutation_is_the_order(ask):
    answer, _, server = ask('```json\n{"order": [3, 1, 2]}\n```')
    assert (answer.order, answer.refused, len(server.questions)) == ((2, 0, 1), "", 1)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("First the sore point, then the rest.", "expected JSON"),
        ('{"order": [1, 1, 2]}', "clip 1 is in it twice"),
        ('{"order": [1, 2]}', "clip 3 is left out"),
        ('{"order": [1, 2, 3, 4]}', "there is no clip 4"),
        ('{"order": [true, 2, 3]}', "expected"),
        ('{"order": "1, 2, 3"}', "expected"),
        ("[1, 2, 3]", "expected"),
        ("", "the reply is empty"),
    ],
)
def test_what_is_no_order_is_asked_for_again_and_refused(ask, reply, why):
    answer, _, server = ask(reply)
    assert why in answer.refused
    assert answer.order == (0, 1, 2)
    assert len(server.questions) == 2
    assert why in server.questions[1]["messages"][-1]["content"]


def test_a_second_reply_may_be_right(ask):
    answer, _, _ = ask("Certainly!", '{"order": [2, 3, 1]}')
    assert (answer.order, answer.refused) == ((1, 2, 0), "")


def test_nothing_is_asked_twice(ask):
    _, method, server = ask('{"order": [3, 1, 2]}')
    assert method.order(CLIPS).order == (2, 0, 1)
    assert len(server.questions) == 1


def test_frames_are_sent_and_sight_is_checked(ask):
    from vn.errors import InputError

    seen = Clips(CLIPS.story, (), (b"a", b"b", b"c"))
    answer, _, server = ask('{"order": [3, 1, 2]}', clips=seen, shown="both")
    assert answer.order == (2, 0, 1)
    assert sum(part["type"] == "image_url" for part in server.questions[0]["messages"][0]["content"]) == 3
    with pytest.raises(InputError, match="was not shown the frame"):
        ask('{"order": [3, 1, 2]}', clips=Clips(CLIPS.story, (), (b"x", b"y", b"z")), shown="frames", blind=True)


def test_the_question_says_nothing_of_the_order_but_has_each_clip():
    text = question(CLIPS.story).text
    assert all(f"Clip {n} (" in text for n in (1, 2, 3))
    assert "Cold tea again?" in text
    assert "Cold tea again?" not in question(CLIPS.story, texts=False).text


def test_deep_json_is_refused():
    assert isinstance(read_order("[" * 100_000, 3), str)
