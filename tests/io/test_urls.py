"""Secrets of URLs: taken off wherever something is recorded or shown, and found again by whoever asks the server."""

import json
import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from vn.environment import for_child
from vn.errors import InputError
from vn.io.urls import given, is_url, recorded, recorded_arguments
from vn.sweep.grid import read_sweep


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setenv("VN_URLS", "{}")


WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.~", min_size=1, max_size=12)


@drawn(user=WORD, password=WORD, value=WORD, path=WORD)
def test_a_recorded_url_has_no_secret_and_is_found_again(user, password, value, path):
    os.environ["VN_URLS"] = "{}"
    url = f"https://{quote(user)}:{quote(password)}@host.example:8443/data/{path}/?X-Amz-Signature={value}#{value}"
    clean = recorded(url)
    assert clean == f"https://host.example:8443/data/{path}"
    assert given(clean) == url
    assert recorded(clean) == clean
    assert given(clean) == url  # naming it again without the secret does not forget it


@drawn(secret=st.text("abcdefghijklmnopqrstuvwxyz0123456789%-_.~", min_size=6, max_size=30))
def test_no_message_has_the_secret_of_a_url(secret):
    secret = f"zq{secret}qz"
    for url in (
        f"https://ann:{secret}@host/data",
        f"http://host/data/train-00000.tar?sig={secret}&x=1",
        f"http://{secret}@host/a?token={secret}",
        f"s3://key:{secret}@bucket/data",
        f"https://ann:{secret}@{secret}@host/data",
    ):
        text = str(InputError(f"the library says: GET {url} failed, '{url}'", file=url, field=f"--data={url}"))
        assert secret not in text
        assert "host" in text or "bucket" in text


def test_the_newest_secret_counts():
    recorded("https://host/data?sig=old")
    recorded("https://host/data/?sig=new")
    assert given("https://host/data") == "https://host/data/?sig=new"


@pytest.mark.parametrize("place", ["data/mine", "/tmp/a@b?c=d", "", "C:/x", "./s3:/x"])
def test_a_path_is_left_alone(place):
    assert not is_url(place)
    assert recorded(place) == place


def test_a_command_line_keeps_what_is_no_data_folder():
    args = [
        "--config",
        "a.yaml",
        "--data.folder=http://u:p@h/d",
        "--judge-url",
        "http://u:p@h/v1?k=1",
        "https://h/x?s=1",
    ]
    clean = ["--config", "a.yaml", "--data.folder=http://h/d", "--judge-url", "http://u:p@h/v1?k=1", "https://h/x"]
    assert recorded_arguments(args) == clean


def test_a_sweep_keeps_no_secret(tmp_path):
    file = tmp_path / "sweep.yaml"
    url = "https://ann:pass-word@host/data?sig=hush-hush"
    file.write_text(
        f"""
program: vn
method: grid
command: [vn, run, --config, demo, "--data.folder={url}", "${{args_json}}"]
parameters:
  data.folder: {{values: ["{url}", data/mine]}}
"""
    )
    sweep = read_sweep(file)
    assert [point.parameters for point in sweep.points] == [
        {"data.folder": "https://host/data"},
        {"data.folder": "data/mine"},
    ]
    assert "--data.folder=https://host/data" in sweep.command
    assert "hush" not in repr(sweep)
    assert given("https://host/data") == url


def test_a_url_that_is_none_is_one_sentence():
    with pytest.raises(InputError, match="is not a URL") as error:
        recorded("http://ann:pass-word@host:port/x")
    assert "pass-word" not in str(error.value)


@pytest.mark.parametrize("sign", ["/", "#", "?"])
def test_a_password_with_a_sign_that_must_be_encoded_is_not_shown(sign):
    with pytest.raises(InputError, match=r"http://host/x: is not a URL: .*written as %2F for /") as error:
        recorded(f"http://ann:first{sign}second@host/x?sig=third")
    assert not any(word in str(error.value) for word in ("first", "second", "third"))


@pytest.mark.parametrize("place", ["s3://", "s3:///x", "http://", "https:///data/mine"])
def test_a_url_without_a_host_is_refused(place):
    with pytest.raises(InputError, match="names no host or bucket"):
        recorded(place)
    assert recorded("file:///tmp/x") == "file:///tmp/x"  # what another library takes


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ('{"data.folder": "https://u:p@h/d?sig=a,b}c", "k": 1}', '{"data.folder": "https://h/d", "k": 1}'),
        ("{folder: https://u:p@h/d?sig=a}", "{folder: https://h/d}"),
        ("['http://u:p@h/d?s=1, 2', s3://b/c]", "['http://h/d', s3://b/c]"),
    ],
)
def test_settings_as_text_keep_no_secret(text, clean):
    assert recorded_arguments(["--config", text]) == ["--config", clean]
    assert recorded_arguments([f"--data={text}"]) == [f"--data={clean}"]


def test_processes_that_are_started_find_the_secrets():
    recorded("https://ann:pw@host/data?sig=x")
    code = "from vn.io.urls import given; print(given('https://host/data'))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=for_child({}), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "https://ann:pw@host/data?sig=x"


def test_the_arguments_of_the_process_have_no_secret_either(tmp_path):
    """Libraries look for them in sys.argv, and record them."""
    code = "import sys, json; from vn.cli import main; main(); print(json.dumps(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "http://ann:pass-word@127.0.0.1:9/d?sig=secret", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=for_child({"PYTHONPATH": os.getcwd()}),
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["doctor", "http://127.0.0.1:9/d", "--help"]
