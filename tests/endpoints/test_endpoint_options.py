"""Options of chat models: names, prices, and one line before anything goes to a vendor."""

from __future__ import annotations

import argparse
import socket
from types import SimpleNamespace

import pytest

pytest.importorskip("openai")
from chat_server import ChatServer

from vn.endpoints.chat import Message
from vn.endpoints.options import Sent, add_endpoint, add_shared_options, check_leave, open_chat, price_of, settings_of
from vn.errors import InputError
from vn.io.disk_cache import DiskCache

AMOUNT = SimpleNamespace(videos=3, clips=12, examples=0)


@pytest.fixture(autouse=True)
def with_a_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    for name in ("OPENAI_BASE_URL", "VN_URLS"):
        monkeypatch.delenv(name, raising=False)


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_shared_options(parser)
    add_endpoint(parser, "chat", "writes", lambda args, amount: Sent(amount.videos))
    add_endpoint(parser, "captions", "sees", lambda args, amount: Sent(amount.clips, 100 * amount.clips))
    return parser.parse_args(words)


def test_without_yes_one_line_says_what_would_be_sent_and_no_socket_is_opened(monkeypatch):
    monkeypatch.setattr(socket, "socket", lambda *words, **options: pytest.fail("a socket is opened"))
    args = parsed("--chat", "openai:gpt-4", "--captions", "openai:gpt-4o")
    for word in ("chat", "captions"):
        with pytest.raises(InputError) as raised:
            open_chat(args, word, DiskCache(), AMOUNT)
        assert str(raised.value) == (
            "--chat openai:gpt-4, --captions openai:gpt-4o: up to 1,200 frames and 15 texts of 3 videos would be sent "
            "to api.openai.com; add --yes to send them, or the URL of another endpoint"
        )
    with pytest.raises(InputError, match=r"frames and texts would be sent to api\.openai\.com; add --yes"):
        check_leave(args, None)


def test_with_yes_the_line_is_logged_once(caplog):
    args = parsed("--chat", "openai:gpt-4", "--captions", "openai:gpt-4o", "--yes")
    with caplog.at_level("INFO", "vn"):
        chats = [open_chat(args, word, DiskCache(), AMOUNT) for word in ("chat", "captions")]
    assert [chat.id for chat in chats] == ["gpt-4", "gpt-4o"]
    assert [line for line in caplog.messages if "are sent to api.openai.com" in line] == [
        "--chat openai:gpt-4, --captions openai:gpt-4o: up to 1,200 frames and 15 texts of 3 videos are sent to "
        "api.openai.com"
    ]


def test_the_endpoint_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://ann:pw@proxy.example/v1")
    with pytest.raises(InputError, match=r"would be sent to proxy\.example; add --yes"):
        open_chat(parsed("--chat", "openai:gpt-4"), "chat", DiskCache(), AMOUNT)


def test_a_url_of_ones_own_needs_no_leave_and_is_recorded_without_secrets():
    server = ChatServer(lambda question, n: "Hi.")
    try:
        url = server.url.replace("http://", "http://ann:pw@")
        args = parsed(
            "--chat", "openai:tester", "--chat-url", url, "--endpoint-timeout", "20", "--endpoint-workers", "2"
        )
        chat = open_chat(args, "chat", DiskCache(), AMOUNT)
        assert server.questions == [], "nothing is sent before it is asked"
        assert chat.ask([Message("user", "Hello")], 7).text == "Hi."
        assert settings_of(chat, "chat") == {"chat": "tester", "chat_url": server.url}
        assert (chat.workers, chat.model.endpoint.attempts.timeout) == (2, 20.0)
    finally:
        server.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--chat: no model None; expected openai:MODEL or local:MODEL"),
        (["--chat", "gpt-4"], "--chat: no model 'gpt-4'; expected"),
        (["--chat", "openai:"], "--chat: no model 'openai:'; expected"),
        (["--chat", "openai:x", "--chat-url", "localhost:8000"], "--chat-url: expected http:// or https://"),
        (["--chat", "openai:x", "--chat-url", "file:///etc/passwd"], "--chat-url: expected http:// or https://"),
        (["--chat", "local:x", "--chat-url", "http://h/v1"], "--chat-url: only openai: models have one, not local:x"),
        (["--chat", "openai:x", "--chat-url", "http://h/v1", "--endpoint-timeout", "nan"], "--endpoint-timeout: exp"),
        (["--chat", "openai:x", "--chat-url", "http://h/v1", "--endpoint-workers", "0"], "--endpoint-workers: exp"),
        (["--chat", "openai:x", "--chat-url", "http://h/v1", "--price", "1"], "--price: expected two numbers"),
        (["--chat", "local:/no/such"], "/no/such: no language model here"),
    ],
)
def test_bad_options_are_named(words, message):
    with pytest.raises(InputError) as raised:
        open_chat(parsed(*words), "chat", DiskCache(), AMOUNT)
    assert message in str(raised.value)


def test_prices_are_of_all_models_or_of_one():
    args = parsed("--price", "1,2", "--price", "captions=3,4.5")
    assert [(price.prompt, price.completion) for price in (price_of(args, w) for w in ("chat", "captions"))] == [
        (1.0, 2.0),
        (3.0, 4.5),
    ]
    assert price_of(parsed("--price", "captions=3,4"), "chat") is None
    for wrong, message in [
        ("chart=1,2", "no option --chart; there are chat, captions"),
        ("1,2,3", "expected two numbers"),
        ("-1,2", "at least 0"),
        ("inf,2", "at least 0"),
        ("nan,2", "at least 0"),
    ]:
        with pytest.raises(InputError, match=message):
            price_of(parsed(f"--price={wrong}"), "chat")


def test_a_missing_client_is_one_sentence_with_the_pip_command(monkeypatch):
    monkeypatch.setattr("vn.extras.is_here", lambda name: name != "openai")
    with pytest.raises(InputError) as raised:
        open_chat(parsed("--chat", "openai:x", "--chat-url", "http://127.0.0.1:9/v1"), "chat", DiskCache(), AMOUNT)
    needs = "--chat: needs the package openai, which is not installed"
    assert str(raised.value) == f"{needs}: pip install 'videonarrator[baselines]'"
