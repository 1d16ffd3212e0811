"""Who may use the studio: files of passwords, and what is refused before every request."""

import asyncio
import base64

import pytest

from vn.errors import InputError
from vn.studio.access import Users, check_host, names_of, read_users
from vn.studio.guard import POLICY, Guard


def users_file(folder, text, mode=0o600):
    file = folder / "users.txt"
    file.write_text(text)
    file.chmod(mode)
    return file


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_users_of_a_file_are_accepted_and_no_others(tmp_path):
    users = read_users(users_file(tmp_path, "ann:secret:with colon\n\nbob:pässwörd\n"))
    assert users.accept(basic("ann", "secret:with colon"))
    assert users.accept(basic("bob", "pässwörd"))
    wrong = [basic("ann", "secret"), basic("ann", ""), basic("", ""), basic("eve", "secret:with colon"), None, ""]
    assert not any(users.accept(each) for each in [*wrong, "Basic", "Basic ä", "Bearer x", "Basic " + "A" * 5])
    assert "secret" not in repr(users)
    assert "ann" not in repr(users)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    with pytest.raises(InputError, match="others may read this file of passwords; chmod 600 it"):
        read_users(users_file(tmp_path, "ann:secret\n", mode))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "names no user"),
        ("ann:secret\nbob\n", "line 2: expected user:password"),
        (":secret\n", "line 1: expected user:password"),
        ("ann:\n", "line 1: expected user:password"),
        ("ann:a\nann:b\n", "line 2: names a user a second time"),
    ],
)
def test_a_line_that_is_wrong_is_named_without_its_password(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence) as raised:
        read_users(users_file(tmp_path, text))
    assert "secret" not in str(raised.value)


def test_only_this_machines_own_addresses_need_no_password(tmp_path):
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        check_host(host, None)
    for host in ("0.0.0.0", "192.168.1.4", "::", "example.org", ""):
        with pytest.raises(InputError, match="give --auth FILE"):
            check_host(host, None)
        check_host(host, tmp_path)


def asked(guard, **headers):
    """Status, headers and body of a request with these headers."""
    sent = []

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(guard({"type": "http", "headers": raw}, None, send))
    given = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], given, sent[1]["body"]


async def inner(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]})
    await send({"type": "http.response.body", "body": b"inside"})


def test_the_guard_answers_to_its_own_names_only():
    guard = Guard(inner)
    for host in ("127.0.0.1:7860", "localhost:80", "LOCALHOST", "[::1]:7860"):
        status, headers, body = asked(guard, host=host)
        assert (status, body, headers["x-own"]) == (200, b"inside", "1")
        assert headers["content-security-policy"] == POLICY
    for host in ("evil.example:7860", "127.0.0.1.evil.example", "", "localhost:x"):
        assert asked(guard, host=host)[0] == 421


def test_the_address_that_it_prints_is_one_of_its_names():
    for host in ("127.0.0.1", "127.8.8.8", "localhost"):
        assert asked(Guard(inner, names_of(host)), host=f"{host}:7860")[0] == 200
    assert asked(Guard(inner, names_of("0:0:0:0:0:0:0:1")), host="[0:0:0:0:0:0:0:1]:7860")[0] == 200
    assert asked(Guard(inner, names_of("127.8.8.8")), host="evil.example:7860")[0] == 421
    assert names_of("192.168.1.4") is None


def test_pages_of_other_sites_are_refused():
    guard = Guard(inner)
    assert asked(guard, host="localhost:1", origin="http://localhost:1")[0] == 200
    for origin in ("http://localhost:2", "https://evil.example", "null", "http://localhost:1.evil.example"):
        assert asked(guard, host="localhost:1", origin=origin)[0] == 403


def test_a_password_is_asked_for_under_every_name():
    guard = Guard(inner, None, Users({"ann": "secret"}))
    status, headers, body = asked(guard, host="studio.example")
    assert status == 401
    assert headers["www-authenticate"].startswith("Basic")
    assert b"inside" not in body
    assert asked(guard, host="studio.example", authorization=basic("ann", "wrong"))[0] == 401
    assert asked(guard, host="studio.example", authorization=basic("ann", "secret"))[0] == 200
