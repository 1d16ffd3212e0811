"""Training from s3:// and http://: the batches, weights and resumption of a local folder, and no secret in any file."""

import json
import os
import shutil
import subprocess
import sys
import zlib
from collections import Counter

import numpy as np
import pytest
import torch
from hold import environment
from made_up import write_data
from range_server import Fault, RangeServer
from s3_server import s3, s3_server  # noqa: F401 (fixtures)
from safetensors.torch import load_file
from toy_experiment import Experiment

from vn.cli import main
from vn.io import retries
from vn.io.urls import given
from vn.train.module import NarratorModule

SECRETS = ("ann", "pass-word", "first-signature", "second-signature")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    from vn.io import cache

    monkeypatch.setattr(cache, "CACHE", tmp_path / "cache-of-the-user")
    monkeypatch.delenv("VN_URLS", raising=False)
    yield
    os.environ.pop("VN_URLS", None)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Pauses of milliseconds."""
    monkeypatch.setattr(retries, "PATIENCE", retries.Patience(first=0.01, longest=0.05, timeout=20))


def on(url, folder, base):
    folder.mkdir()
    return Experiment(folder, base, url)


def weights(experiment, name="toy"):
    return {
        (file.name, key): value
        for file in sorted((experiment.run_folder(name) / "adapter").glob("*.safetensors"))
        for key, value in load_file(file).items()
    }


def lines(experiment, name="toy"):
    text = (experiment.run_folder(name) / "metrics.jsonl").read_text()
    return [{k: v for k, v in json.loads(line).items() if not k.startswith("speed/")} for line in text.splitlines()]


def assert_same(ours, theirs, name="toy"):
    assert lines(ours, name) == lines(theirs, name)
    a, b = weights(ours, name), weights(theirs, name)
    assert a.keys() == b.keys()
    assert a
    assert all(a[key].equal(b[key]) for key in a)


def seen_batches(monkeypatch, run):
    """Hashes of all tensors of the batches that a training gets, in their order."""
    seen = []
    plain = NarratorModule.training_step

    def step(self, batch, batch_idx):
        tensors = [v for v in vars(batch).values() if isinstance(v, torch.Tensor)] if hasattr(batch, "__dict__") else []
        tensors = tensors or [v for v in (getattr(batch, n) for n in batch.__slots__) if isinstance(v, torch.Tensor)]
        seen.append([zlib.crc32(np.ascontiguousarray(t.cpu().numpy()).tobytes()) for t in tensors])
        return plain(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(NarratorModule, "training_step", step)
        assert run() == 0
    assert seen
    assert all(seen)
    return seen


@pytest.mark.parametrize("workers", ["0", "2"])
def test_over_http_the_same_batches_in_the_same_order(tmp_path, tiny_base, data, monkeypatch, workers):
    local = on(data, tmp_path / "a", tiny_base)
    here = seen_batches(monkeypatch, lambda: local("run", "--data.workers", workers))
    with RangeServer(data) as server:
        far = on(server.url, tmp_path / "b", tiny_base)
        there = seen_batches(monkeypatch, lambda: far("run", "--data.workers", workers))
        assert all(asked.range for asked in server.shards_asked())
    assert here == there
    assert_same(local, far)
    assert local.predictions() == far.predictions()


def test_from_s3_the_weights_and_predictions_of_the_local_run(tmp_path, tiny_base, data, s3):  # noqa: F811
    local = on(data, tmp_path / "a", tiny_base)
    far = on(s3.put_folder(data, tmp_path.name), tmp_path / "b", tiny_base)
    assert local("run") == 0 == far("run", "--data.workers", "2")
    assert_same(local, far)
    assert local.predictions() == far.predictions()
    assert "folder: s3://" in (far.run_folder() / "config.yaml").read_text()


class Cut(Exception):
    """Ends a training as a crash would."""


def test_a_stopped_training_resumes_exactly_with_a_newly_signed_url(tmp_path, tiny_base, data, monkeypatch, capsys):
    local = on(data, tmp_path / "a", tiny_base)
    assert local("fit", "--checkpoint_every", "1") == 0
    plain = NarratorModule.training_step

    def dies(self, batch, batch_idx):
        if self.trainer.global_step == 4:
            raise Cut
        return plain(self, batch, batch_idx)

    with RangeServer(data, user="ann:pass-word", signature="first-signature") as server:
        far = on("set in the call", tmp_path / "b", tiny_base)
        url = f"http://ann:pass-word@{server.host}/?sig=first-signature"
        with monkeypatch.context() as patch:
            patch.setattr(NarratorModule, "training_step", dies)
            with pytest.raises(Cut):
                far("fit", "--checkpoint_every", "1", "--data.folder", url)
        server.signature = "second-signature"
        shutil.rmtree(tmp_path / "cache-of-the-user")
        os.environ.pop("VN_URLS")
        assert far("fit", "--checkpoint_every", "1", "--data.folder", server.url) == 2  # without what is needed
        assert "newly signed" in capsys.readouterr().err
        assert far("fit", "--checkpoint_every", "1", f"--data.folder={url.replace('first', 'second')}") == 0
    assert_same(local, far)


def everything(folder):
    return b"\n".join(
        str(path).encode() + b"\n" + path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    )


def test_no_secret_of_a_url_is_written_or_shown(tmp_path, tiny_base, data, capsys):
    with RangeServer(data, user="ann:pass-word", signature="first-signature") as server:
        url = f"http://ann:pass-word@{server.host}/?X-Amz-Credential=pass-word&sig=first-signature"
        far = on(f'"{url}"', tmp_path / "b", tiny_base)
        config = far.config.read_text()
        assert far("run") == 0
        far.config.write_text(config.replace(url, "elsewhere"))  # that file is the user's
        assert far("run", "--data.folder", url, name="again") == 0
        assert far("run", "--data.folder", url, "--data.fodler", url, name="wrong") == 2
        assert far("run", "--data.folder", f"{url}0", name="wrong") == 2
        server.user = "bob:other"
        assert far("run", "--data.folder", url, name="refused") == 2
        assert given(f"http://{server.host}") == url
    shown = "".join(capsys.readouterr())
    assert server.host in shown
    for secret in SECRETS:
        assert secret not in shown
        assert secret.encode() not in everything(tmp_path)
    assert f"folder: http://{server.host}\n" in (far.run_folder() / "config.yaml").read_text()


@pytest.mark.slow
def test_two_ranks_and_wandb_get_the_data_and_no_secret(tmp_path, tiny_base, data):
    """Ranks are started again from sys.argv, which W&B records; what it writes is searched byte by byte."""
    with RangeServer(data, user="ann:pass-word", signature="first-signature") as server:
        url = f"http://ann:pass-word@{server.host}/?sig=first-signature"
        far = on("set in the call", tmp_path / "b", tiny_base)
        command = [sys.executable, "-m", "vn.cli", "fit", "--config", str(far.config), "--runs", str(tmp_path / "runs")]
        command += ["--name", "toy", "--data.folder", url, "--trainer.logger=null", "--data.workers", "1"]
        command += ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--trainer.max_epochs", "1"]
        own = environment(WANDB_MODE="offline", HOME=str(tmp_path / "home"))
        done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    (mirror,) = (tmp_path / "runs").rglob("run-*.wandb")
    assert server.host.encode() in mirror.read_bytes()
    for secret in SECRETS[1:]:
        assert secret not in done.stdout + done.stderr
        assert secret.encode() not in everything(tmp_path)


def test_a_shard_that_is_replaced_while_training_is_refused_and_named(tmp_path, tiny_base, data, capsys):
    ours, theirs = tmp_path / "ours", write_data(tmp_path / "theirs", seed=5)
    shutil.copytree(data, ours)

    def replace(asked):
        if len(server.shards_asked()) == 12:
            for shard in theirs.glob("train-*.tar"):
                shutil.copy(shard, ours)

    with RangeServer(ours, fault=replace) as server:
        far = on(server.url, tmp_path / "b", tiny_base)
        assert far("fit") == 2
    error = capsys.readouterr().err
    assert f"http://{server.host}/train-0000" in error
    assert ".tar: train-" in error
    assert "does not match the manifest's checksum" in error or "not the file that the manifest describes" in error


def test_a_storm_of_503_and_cut_bodies_change_nothing(tmp_path, tiny_base, data, capsys):
    local = on(data, tmp_path / "a", tiny_base)
    assert local("fit") == 0

    tries = Counter()  # by what is asked for: counted over all, a request of one worker could always be in the storm

    def stormy(asked):
        what = (asked.method, asked.name, asked.range)
        tries[what] += 1
        if tries[what] % 3 == 1:
            return Fault(status=503, headers={"Retry-After": "0"})
        return Fault(cut=0.5) if tries[what] % 3 == 2 else None

    with RangeServer(data, fault=stormy) as server:
        far = on(server.url, tmp_path / "b", tiny_base)
        assert far("fit", "--data.workers", "2") == 0
    assert_same(local, far)


def test_a_server_that_is_gone_is_one_sentence(tmp_path, tiny_base, data, capsys):
    with RangeServer(data) as server:
        far = on(server.url, tmp_path / "b", tiny_base)
    assert far("fit") == 2
    assert f"http://{server.host}/manifest.json: cannot be reached: Connection refused (8 attempts" in (
        capsys.readouterr().err
    )


@pytest.mark.slow
def test_the_demos_shards_from_s3_give_the_demos_run(smoke_demo, tmp_path, s3):  # noqa: F811
    (config,) = smoke_demo.rglob("config.yaml")
    here = config.parent
    (shards,) = (manifest.parent for manifest in smoke_demo.rglob("manifest.json"))
    args = ["run", "--config", str(config), "--runs", str(tmp_path), "--trainer.logger=false"]
    # Once more from the disk: the demo itself ran with another number of threads.
    assert main([*args, "--name", "disk", "--data.folder", str(shards)]) == 0
    assert main([*args, "--name", "s3", "--data.folder", s3.put_folder(shards, tmp_path.name)]) == 0
    files = sorted(path.name for path in (here / "adapter").iterdir() if path.suffix == ".safetensors")
    assert files
    for name in (*(f"adapter/{name}" for name in files), "predictions.predicted.jsonl", "predictions.given.jsonl"):
        assert (tmp_path / "s3" / name).read_bytes() == (tmp_path / "disk" / name).read_bytes(), name
