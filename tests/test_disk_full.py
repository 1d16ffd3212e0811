"""A disk that fills up at any write: one line that names the file, nothing complete is lost, and it resumes."""

import json
import logging
import shutil
import tempfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_disk import SmallDisk

from vn.cli import main
from vn.data.shards import verify

LARGE = 8000  # kilobytes: room for everything below


def last_line(capsys) -> str:
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error.strip().splitlines()[-1]


@pytest.fixture
def prepare(tmp_path):
    """``vn prepare`` on four stories with features of 5 kB each, one a shard."""
    ads = {f"v{n}.mp4": {"p_name": "水杯", "frames": [{"time": [0, 3], "new_text": "好用。"}]} for n in range(4)}
    (tmp_path / "ads.json").write_text(json.dumps(ads))
    features = tmp_path / "features"
    features.mkdir()
    for n in range(4):
        for number in (1, 2, 3):
            np.save(features / f"v{n}_{number:03d}.jpg.npy", np.full((2, 400), n + number / 7, np.float16))
    words = ["prepare", tmp_path / "ads.json", "--reader", "esyncvidstory", "--encoder", "features"]
    words += ["--features", features, "--shard-size", 1, "--val-share", 0, "--threads", 1, "--out"]
    return lambda out: main([str(word) for word in (*words, out)])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_prepare(tmp_path, prepare, capsys):
    """Of every size, so that it is full at the lock, the records, a shard, the manifest."""
    assert prepare(tmp_path / "whole") == 0
    whole = contents(tmp_path / "whole")
    stopped_at = set()
    for kilobytes in range(4, 400, 8):
        disk = SmallDisk(tmp_path / "disk", kilobytes)
        with disk as folder:
            out = folder / "data"
            capsys.readouterr()
            code = prepare(out)
            if code:
                assert code == 2
                line = last_line(capsys)
                assert line.startswith("vn prepare: error: ")
                assert "No space left on device" in line
                assert str(out) in line
                stopped_at.add(line.split(": ")[2].rpartition("/")[2])
                left = contents(out) if out.exists() else {}
                assert all(whole[name] == data for name, data in left.items())  # no half file, none under another name
                assert "manifest.json" not in left
            disk.grow(LARGE)
            assert prepare(out) == 0
            assert contents(out) == whole
            verify(out)
        (tmp_path / "disk").rmdir()
        if code == 0:
            break
    assert code == 0, "even the largest disk was too small"
    assert {"train-00000.tar", "train-00003.tar"} <= stopped_at
    assert len(stopped_at) >= 5


def test_checkpointing(tmp_path, experiment, capsys, monkeypatch):
    """The older checkpoint stays readable, and the same command ends in the same weights."""
    args = ("--trainer.max_epochs", "1")
    assert experiment("fit", *args, name="whole") == 0
    whole = experiment.run_folder("whole")
    # Lightning would write to the system's temporary folder first, and copy.
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(logging, "raiseExceptions", False)  # Lightning's log may go to an earlier test's closed stderr
    checkpoint = (whole / "checkpoints" / "last.ckpt").stat().st_size // 1024 + 1
    stopped_at = set()
    # No room for anything; for one checkpoint, but not for the next one beside it; without any, for half an adapter.
    for kilobytes, every in ((8, 2), (2 * checkpoint - 8, 2), (24, 100)):
        disk = SmallDisk(tmp_path / "disk", kilobytes)
        with disk as folder:
            capsys.readouterr()
            command = ["fit", "--config", str(experiment.config), "--runs", str(folder), "--name", "toy", *args]
            command += ["--checkpoint_every", str(every)]
            code = main(command)
            if code:
                assert code == 2
                line = last_line(capsys)
                assert line.startswith("vn fit: error: ")
                assert str(folder / "toy") in line
                stopped_at.add(line.split(": ")[2].rpartition("/")[2])
                assert not (folder / "toy" / "adapter").exists()
                assert not list(folder.rglob("*.partial"))
                assert len(list(folder.rglob("*.ckpt"))) == (kilobytes > checkpoint)
                for last in folder.rglob("*.ckpt"):
                    assert torch.load(last, weights_only=True)["global_step"] > 0
            disk.grow(LARGE)
            assert main(command) == 0
            for file in ("narrator.safetensors", "adapter_model.safetensors"):
                a, b = (load_file(run / "adapter" / file) for run in (whole, folder / "toy"))
                for key in a:
                    torch.testing.assert_close(a[key], b[key], rtol=0, atol=0)
            for line in (folder / "toy" / "metrics.jsonl").read_text().splitlines():
                json.loads(line)
        shutil.rmtree(tmp_path / "disk")
    assert {"last.ckpt", "adapter"} <= stopped_at
