"""Two processes on one output folder: the second is refused; a killed one blocks nobody."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from vn.card import FORMAT
from vn.cli import main
from vn.errors import InputError
from vn.io.lock import NAME, claim

# It keeps the folder until the test closes its input, or ends.
HOLD = (
    "import sys; from pathlib import Path; from vn.io.lock import claim\n"
    "with claim(Path(sys.argv[1]), sys.argv[2]):\n    print('here', flush=True); sys.stdin.read()"
)


@contextmanager
def another_process(folder, command="vn prepare"):
    """A process that has claimed the folder."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder), command], **pipes)
    try:
        assert process.stdout.readline() == "here\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_is_told_who_is_there(tmp_path):
    out = tmp_path / "new" / "out"
    with another_process(out, "vn run") as other:
        message = (
            rf"out: vn run \(process {other.pid}\) is at work in this folder: wait for it, or choose another folder$"
        )
        with pytest.raises(InputError, match=message), claim(out, "vn run"):
            pass
        assert (out / NAME).exists()
        with claim(tmp_path / "new", "vn demo"):  # the folder around it is another one
            pass


def test_a_killed_process_blocks_nobody(tmp_path):
    with another_process(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert (tmp_path / NAME).exists()
        with claim(tmp_path, "vn run"):
            assert (tmp_path / NAME).read_text() == f"{os.getpid()} vn run\n"
    assert not (tmp_path / NAME).exists()


def test_a_worker_that_outlives_its_killed_parent_blocks_nobody(tmp_path):
    """Loader workers are forks; they need some seconds to notice that they are orphans."""
    script = (
        "import os, sys; from pathlib import Path; from vn.io.lock import claim\n"
        "with claim(Path(sys.argv[1]), 'vn fit'):\n"
        "    child = os.fork()\n"
        "    print(child, flush=True) if child else None\n"
        "    os.read(0, 1)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], **pipes)
    child = int(process.stdout.readline())
    try:
        with pytest.raises(InputError, match="at work"), claim(tmp_path, "vn fit"):
            pass
        process.kill()
        process.wait()
        os.kill(child, 0)  # it lives
        deadline = time.monotonic() + 300
        while True:  # it may be about to let go: the fork printed before its own first step
            try:
                with claim(tmp_path, "vn fit"):
                    break
            except InputError:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdin.close()
        process.stdout.close()


def test_nothing_is_left_but_what_was_written(tmp_path):
    with claim(tmp_path / "a" / "b", "vn narrate"):
        pass
    assert list(tmp_path.iterdir()) == []
    with claim(tmp_path / "a" / "b", "vn narrate"):
        (tmp_path / "a" / "b" / "story.json").write_text("{}")
    assert [p.name for p in (tmp_path / "a" / "b").iterdir()] == ["story.json"]
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(InputError, match="is a file, or is inside one"), claim(folder, "vn narrate"):
            pass


def test_prepare(tmp_path, capsys):
    (tmp_path / "story.json").write_text('{"title": "t", "language": "en"}')
    (tmp_path / "story.mp4").write_text("")
    words = ["prepare", tmp_path / "story.json", "--reader", "stories", "--out", tmp_path / "data"]
    with another_process(tmp_path / "data", "vn prepare") as other:
        assert main(list(map(str, words))) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"vn prepare: error: {tmp_path / 'data'}: vn prepare (process {other.pid}) is at work")
    assert error.count("\n") == 1


def test_narrate(tmp_path, card, capsys):
    (tmp_path / "v.mp4").write_text("")
    (tmp_path / "p.yaml").write_text("{title: t, language: en}")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "narrator.json").write_text(json.dumps({"format": FORMAT, **dataclasses.asdict(card)}))
    words = ["narrate", tmp_path / "v.mp4", "--product", tmp_path / "p.yaml", "--adapter", tmp_path / "adapter"]
    with another_process(tmp_path / "out", "vn narrate") as other:
        assert main([*map(str, words), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    (said,) = (line for line in error.splitlines() if "error:" in line)
    assert f"out: vn narrate (process {other.pid}) is at work" in said


def test_demo(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[1])
    with another_process(tmp_path / "work", "vn demo") as other:
        assert main(["demo", "--size", "smoke", "--work", str(tmp_path / "work")]) == 2
    assert f"work: vn demo (process {other.pid}) is at work" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["fit", "run", "test", "predict", "validate"])
def test_run_folders(experiment, capsys, command):
    with another_process(experiment.run_folder(), "vn run") as other:
        assert experiment(command) == 2
        assert f"toy: vn run (process {other.pid}) is at work" in capsys.readouterr().err
        assert experiment(command, "--data.folder", "nowhere", name="other") == 2  # another folder: it comes further
        assert "no such data folder" in capsys.readouterr().err
        assert not experiment.run_folder("other").exists()


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, 0),
        ({"RANK": "0", "LOCAL_RANK": "0"}, 0),
        ({"RANK": "3", "LOCAL_RANK": "1"}, 3),  # torchrun
        ({"LOCAL_RANK": "1"}, 1),  # Lightning's own launcher
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, 1),  # on another machine
        ({"RANK": "0", "LOCAL_RANK": "0", "NODE_RANK": "1"}, 0),
        ({"SLURM_PROCID": "2"}, 2),
    ],
)
def test_only_the_first_rank_claims(monkeypatch, environment, rank):
    from vn.environment import process_rank

    for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert process_rank() == rank
