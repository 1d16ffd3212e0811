"""Ctrl-C on real processes: one line, exit code 130, nothing half-written, and the same command resumes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hold import Gate, environment, wait_for
from safetensors.torch import load_file

HERE = Path(__file__).parent
# Its first two arguments: a file, and the batch at which it waits.
HELD_ENCODER = (
    "import colour_encoder, sys; from pathlib import Path;"
    "colour_encoder.register(Path(sys.argv.pop(1)), int(sys.argv.pop(1)));"
    "from vn.cli import main; sys.exit(main(sys.argv[1:]))"
)


def start(words, script=None):
    """A ``vn`` of its own; its stderr is a pipe."""
    path = os.pathsep.join([str(HERE), str(HERE / "data"), *filter(None, sys.path)])
    command = [sys.executable, *(["-c", script] if script else ["-m", "vn.cli"]), *map(str, words)]
    return subprocess.Popen(
        command,
        env=environment(PYTHONPATH=path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As in a terminal, also where the tests themselves run in the background, deaf to Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupt(process):
    """Press Ctrl-C; gives what the process said."""
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of its processes
    _, error = process.communicate(timeout=300)
    return error


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
    from colour_encoder import batches

    out, log = tmp_path / "out", tmp_path / "log"
    # A video of 40 frames is ten batches of four. In the middle of the second one, Ctrl-C is pressed.
    process = start([log, "14", *source, "--out", out, "--threads", "1"], HELD_ENCODER)
    wait_for(process, lambda: batches(log) == 14 and (out / "train-00000.tar").exists())
    error = interrupt(process)
    assert process.returncode == 130
    assert [line for line in error.splitlines() if line and not line.startswith("videos ")] == [
        "vn prepare: interrupted"
    ]
    assert batches(log) == 14, "no video's end is waited for"
    left = contents(out)
    assert "train-00000.tar" in left
    assert all(name.endswith(".tar") for name in left)
    for target in (out, tmp_path / "whole"):
        again = start([log, "0", *source, "--out", target], HELD_ENCODER)
        _, error = again.communicate(timeout=300)
        assert again.returncode == 0, error
    assert contents(out) == contents(tmp_path / "whole")
    assert all(contents(out)[name] == data for name, data in left.items())


def test_fit(experiment, tmp_path):
    gate = Gate(tmp_path)
    args = ["--checkpoint_every", "3", *gate.flags]
    folder = experiment.run_folder()
    words = ["fit", "--config", experiment.config, "--runs", folder.parent, "--name", "toy", *args]
    gate.close("step 4")
    process = start([*words, "--data.workers", "2"])
    gate.wait(process, "toy")
    error = interrupt(process)
    assert process.returncode == 130, error[-3000:]
    news = ("Seed set to", "GPU available", "TPU available")
    lines = [line for line in error.splitlines() if line and not line.startswith(news)]
    assert lines == ["vn fit: interrupted"]
    assert not (folder / "adapter").exists()
    assert sorted(p.name for p in (folder / "checkpoints").iterdir()) == ["last.ckpt"]
    assert not (folder / ".lock").exists()
    assert [step for step, _ in experiment.metrics()] == [0, 1, 2, 3]
    gate.open()
    assert experiment("fit", *args) == 0
    assert experiment("fit", *args, name="whole") == 0
    assert dict(experiment.metrics()) == dict(experiment.metrics("whole"))
    assert len(experiment.metrics("whole")) > 4
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        a, b = (load_file(experiment.run_folder(n) / "adapter" / file) for n in ("toy", "whole"))
        assert all(a[key].equal(b[key]) for key in b)
