"""Shared by the tests of ``vn prepare`` in many processes and on many machines: stories, commands, processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deadly_encoder import NAME, VARIABLE, Control
from hold import LONGEST, environment
from rendered_videos import counting_video, render_video
from test_shots import COLOURS, shot

from vn import cli

HERE = Path(__file__).parent
BAD = 6  # the number of the video that cannot be read
VIDEOS = 8
# Four cores, whatever this machine has: what a command line asks for is not lowered.
SCRIPT = (
    "import os, sys; os.sched_getaffinity = lambda process: set(range(4));"
    "from vn.cli import main; sys.exit(main(sys.argv[1:]))"
)


def contents(folder: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in sorted(folder.iterdir()) if f.is_file()}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Eight stories: video n has 2 + n frames at 1 fps, one cannot be read, one has no clips, one has a warning."""
    folder = tmp_path_factory.mktemp("source")
    for number in range(VIDEOS):
        clips = [{"start": 0, "end": 1}, {"start": 1, "end": 99 if number == 3 else 2}]
        story = {"id": f"v{number}", "title": "t", "language": "en", "clips": clips}
        video = folder / f"v{number}.mp4"
        if number == BAD:
            video.write_bytes(b"not a video")
        elif number == 2:
            story["clips"] = []
            render_video(video, shot(COLOURS[0], 20) + shot(COLOURS[1], 20))
        else:
            counting_video(video, 20 + 10 * number)
        (folder / f"v{number}.json").write_text(json.dumps(story))
    return folder


@pytest.fixture
def control(tmp_path, monkeypatch):
    control = Control(tmp_path / "control")
    monkeypatch.setenv(VARIABLE, str(control.folder))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(4)))
    return control


def words(source, out, *more):
    chosen = ["--encoder", NAME, "--out", str(out), "--shard-size", "3", "--max-bad", "1", "--val-share", "0.3"]
    return ["prepare", str(source), "--reader", "stories", *chosen, *map(str, more)]


@pytest.fixture
def whole(source, control, tmp_path):
    """What one process with one thread makes."""
    assert cli.main(words(source, tmp_path / "whole", "--jobs", 1, "--threads", 1)) == 0
    return contents(tmp_path / "whole")


@pytest.fixture
def start(control):
    """Starts a command as a terminal does."""
    running = []

    def begin(command):
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *command],
            env=environment(PYTHONPATH=os.pathsep.join([str(HERE), *filter(None, sys.path)])),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def two_under_way(out):
    """Whether a shard is complete, and the next one begun."""
    return list(out.glob("*.tar")) and list(out.glob("*.partial"))


def is_running(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False


def wait_until_gone(processes):
    end = time.monotonic() + LONGEST
    while running := [process for process in processes if is_running(process)]:
        assert time.monotonic() < end, running
        time.sleep(0.01)
