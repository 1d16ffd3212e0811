"""Ctrl-C on real processes: one line, exit code 130, nothing half-written, and the same command goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

HERE = Path(__file__).parent
SLOW_ENCODER = (
    "import colour_encoder, sys; colour_encoder.register(pause=float(sys.argv.pop(1)));"
    "from vn.cli import main; sys.exit(main(sys.argv[1:]))"
)


def start(words, script=None):
    """A ``vn`` of its own; its stderr is a pipe."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(HERE / "data"), *filter(None, sys.path)]),
    }
    command = [sys.executable, *(["-c", script] if script else ["-m", "vn.cli"]), *map(str, words)]
    return subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As in a terminal, also where the tests themselves run in the background, deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupt(process, when, within=90.0):
    """Press Ctrl-C once `when` holds; gives how long the process took to end, and what it said."""
    deadline = time.monotonic() + within
    while not when():
        assert process.poll() is None, process.stderr.read()[-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.005)
    pressed = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    _, error = process.communicate(timeout=60)
    return time.monotonic() - pressed, error


def contents(folder):
    return {f.name: f.read_bytes() for f in sorted(folder.iterdir()) if f.is_file()}


@pytest.fixture
def source(tmp_path):
    """Six stories, each with a video of 40 s."""
    sys.path.insert(0, str(HERE / "data"))
    try:
        from rendered_videos import counting_video
    finally:
        sys.path.pop(0)
    folder = tmp_path / "stories"
    folder.mkdir()
    first = counting_video(tmp_path / "v0.mp4", 80, fps=2)
    for n in range(6):
        shutil.copy(first, folder / f"v{n}.mp4")
        story = {"id": f"v{n}", "title": "t", "language": "en", "clips": [{"start": 0, "end": 40}]}
        (folder / f"v{n}.json").write_text(json.dumps(story))
    return ["prepare", folder, "--reader", "stories", "--encoder", "colour", "--shard-size", "1", "--threads", "2"]


def test_prepare(source, tmp_path):
    out = tmp_path / "out"
    # A batch of four frames takes 0.2 s, a video of 40 frames 2 s: who pressed Ctrl-C waits for no video's end.
    process = start(["0.2", *source, "--out", out], SLOW_ENCODER)
    seconds, error = interrupt(process, lambda: (out / "train-00000.tar").exists())
    assert process.returncode == 130
    assert [line for line in error.splitlines() if line and not line.startswith("videos ")] == [
        "vn prepare: interrupted"
    ]
    assert seconds < 1.5
    left = contents(out)
    assert "train-00000.tar" in left
    assert all(name.endswith(".tar") for name in left)
    for target in (out, tmp_path / "whole"):
        again = start(["0", *source, "--out", target], SLOW_ENCODER)
        _, error = again.communicate(timeout=60)
        assert again.returncode == 0, error
    assert contents(out) == contents(tmp_path / "whole")
    assert all(contents(out)[name] == data for name, data in left.items())


def test_fit(experiment):
    args = ["--checkpoint_every", "3", "--trainer.max_epochs", "3"]
    folder = experiment.run_folder()
    words = ["fit", "--config", experiment.config, "--runs", folder.parent, "--name", "toy", *args]
    process = start([*words, "--data.workers", "2"])
    _, error = interrupt(process, lambda: (folder / "checkpoints" / "last.ckpt").exists())
    assert process.returncode == 130, error[-3000:]
    news = ("Seed set to", "GPU available", "TPU available")
    lines = [line for line in error.splitlines() if line and not line.startswith(news)]
    assert lines == ["vn fit: interrupted"]
    assert not (folder / "adapter").exists()
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["last.ckpt"]
    assert not (folder / ".lock").exists()
    done = [step for step, _ in experiment.metrics()]
    assert experiment("fit", *args) == 0
    assert experiment("fit", *args, name="whole") == 0
    assert dict(experiment.metrics()) == dict(experiment.metrics("whole"))
    assert len(done) < len(experiment.metrics("whole"))
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        a, b = (load_file(experiment.run_folder(n) / "adapter" / file) for n in ("toy", "whole"))
        assert all(a[key].equal(b[key]) for key in b)
