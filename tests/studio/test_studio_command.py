"""``vn studio`` refuses bad options in one sentence, before a model is loaded."""

import socket

import pytest

import vn.studio.command
from vn.cli import main


@pytest.fixture(autouse=True)
def nothing_slow(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(vn.studio.command, "_studio", refuse)


def refusal(capsys, *words):
    assert main(["studio", *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_bad_options_are_named(capsys, tmp_path):
    run = ("--run", tmp_path, "--folder", tmp_path / "studio")
    assert "give either --run or --adapter" in refusal(capsys)
    assert "--host: on 0.0.0.0 others can reach the studio" in refusal(capsys, *run, "--host", "0.0.0.0")
    assert "--port: expected 0 to 65535, got 70000" in refusal(capsys, *run, "--port", "70000")
    assert "--max-upload: expected above 0" in refusal(capsys, *run, "--max-upload", "0")
    assert "--max-waiting: expected 1 to 1000" in refusal(capsys, *run, "--max-waiting", "0")
    assert "users.txt: No such file" in refusal(capsys, *run, "--auth", tmp_path / "users.txt")
    users = tmp_path / "users.txt"
    users.write_text("ann:secret\n")
    users.chmod(0o644)
    line = refusal(capsys, *run, "--host", "0.0.0.0", "--auth", users)
    assert "others may read this file of passwords" in line
    assert "secret" not in line
    assert not (tmp_path / "studio").exists()


def test_the_folder_and_the_port_are_checked(capsys, tmp_path):
    pytest.importorskip("gradio", reason="gradio is not installed")
    (tmp_path / "file").write_text("")
    assert "--folder" in refusal(capsys, "--run", tmp_path, "--folder", tmp_path / "file")
    assert "--videos: no such folder" in refusal(
        capsys, "--run", tmp_path, "--folder", tmp_path / "studio", "--videos", tmp_path / "none"
    ).replace(f"{tmp_path / 'none'}: ", "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(capsys, "--run", tmp_path, "--folder", tmp_path / "studio", "--port", port)
    assert f"--port: {port} is in use; choose another" in line


def test_without_gradio_the_pip_command_is_named(capsys, tmp_path, monkeypatch):
    import vn.extras

    here = vn.extras.is_here
    monkeypatch.setattr(vn.extras, "is_here", lambda name: name != "gradio" and here(name))
    line = refusal(capsys, "--run", tmp_path, "--folder", tmp_path / "studio")
    assert "needs the package gradio, which is not installed: pip install 'videonarrator[studio" in line
