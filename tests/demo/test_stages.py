"""Two stages of the demo side by side: progress, failures of either, and signals, with real processes."""

import os
import signal
import subprocess
import sys
import time
from functools import partial

import pytest

from vn.demo import stages
from vn.demo.stages import Beside, Stages
from vn.errors import InputError

# Instead of `vn`: what its first word says. It writes its process number, so that a test can see whether it is alive.
STAND_IN = """
import os, pathlib, sys, time
word, folder = sys.argv[1], pathlib.Path(sys.argv[2])
(folder / f"{word}.pid").write_text(str(os.getpid()))
if word == "fail":
    print("vn demo: error: no room is left", file=sys.stderr)
    sys.exit(3)
if word == "killed":
    os.kill(os.getpid(), 9)
if word == "count":
    for done in range(0, 101, 25):
        print(done, 100, flush=True)
if word == "last":
    time.sleep(300)
if word == "slowly":  # so that it fails when the other one is at work
    deadline = time.monotonic() + 60
    while not (folder / "last.pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    print("vn demo: error: no room is left", file=sys.stderr)
    sys.exit(3)
"""
PARENT = """
import sys
from vn.demo import stages
stages.VN = (sys.executable, sys.argv[1])
count = stages.Stages(cores=2)
with count.with_beside(["last", sys.argv[2]]):
    count.vn("last", sys.argv[3], own_process=True)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    monkeypatch.setattr(stages, "VN", (sys.executable, str(script)))
    return tmp_path


def is_gone(file):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(int(file.read_text()), 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_progress_comes_when_it_is_waited_for(folder):
    seen = []
    with Stages(cores=2).with_beside(["count", str(folder)]) as beside:
        beside.wait(lambda done, everything: seen.append((done, everything)))
    assert seen == [(0, 100), (25, 100), (50, 100), (75, 100), (100, 100)]


def test_with_one_core_nothing_runs_beside(folder):
    with Stages(cores=1).with_beside(["count", str(folder)]) as beside:
        assert beside is None
    assert not (folder / "count.pid").exists()


def test_a_failure_beside_stops_what_runs_in_front(folder, capsys):
    count = Stages(cores=2)
    with pytest.raises(SystemExit) as failed, count.with_beside(["slowly", str(folder)]):
        count.vn("last", folder, own_process=True)
    assert failed.value.code == 3
    assert capsys.readouterr().err == "vn demo: error: no room is left\n"
    assert is_gone(folder / "last.pid")


def test_a_failure_in_front_stops_what_runs_beside(folder, capsys):
    count = Stages(cores=2)
    with count.with_beside(["last", str(folder)]):
        while not (folder / "last.pid").exists():
            time.sleep(0.05)
        with pytest.raises(SystemExit, match="3"):
            count.vn("fail", folder, own_process=True)
    assert is_gone(folder / "last.pid")
    assert f"$ vn fail {folder}" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["fail", "killed"])
def test_a_failure_is_noticed_by_who_waits(folder, word):
    beside = Beside([word, str(folder)])
    try:
        with pytest.raises((SystemExit, InputError), match="3" if word == "fail" else "SIGKILL; repeat the command"):
            beside.wait(lambda done, everything: None)
    finally:
        beside.end()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_both(folder, signum):
    for name in ("one", "other"):
        (folder / name).mkdir()
    argv = [sys.executable, "-c", PARENT, folder / "stand_in.py", folder / "one", folder / "other"]
    # Processes that a shell starts in the background ignore Ctrl-C, and so do theirs.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    out = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(argv, preexec_fn=heed, **out) as parent:
        files = [folder / name / "last.pid" for name in ("one", "other")]
        deadline = time.monotonic() + 60
        while not all(file.exists() and file.read_text() for file in files) and time.monotonic() < deadline:
            time.sleep(0.05)
        parent.send_signal(signum)
        assert parent.wait(60) != 0
    assert all(is_gone(file) for file in files)
