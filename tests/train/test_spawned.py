"""Loaders in processes that are spawned, as on macOS and from Python 3.14 on, and with a server that is gone."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from range_server import Fault, RangeServer

from vn.data.order import steps
from vn.data.token_estimates import estimated_videos
from vn.io.remote import open_folder
from vn.io.retries import Patience, Unreachable
from vn.train.datamodule import StoryDataModule
from vn.train.loader import Loader, Source
from vn.train.micro_batches import Dealer, MicroBatchReader, prepare_for
from vn.train.videos import VideoReader


def batches(folder, manifest, builder):
    """A loader of a training's micro-batches."""
    samples = manifest.samples("train")
    videos = estimated_videos(samples, manifest.tokens, manifest.language)
    dealer = Dealer(videos, steps(videos, np.arange(len(samples)), 8), 1, 0, 1)
    trainer = SimpleNamespace(
        lightning_module=SimpleNamespace(settings=SimpleNamespace(attention="auto")),
        strategy=SimpleNamespace(root_device=SimpleNamespace(type="cpu")),
    )
    reader = MicroBatchReader(folder, samples, builder, "tree", prepare=prepare_for(trainer))
    return Loader(Source(range(2), dealer, reader.announce), reader.read, 2, 0)


def narrated(folder, manifest):
    """A loader of a test's videos."""
    reader = VideoReader(folder, manifest.samples("test"), (manifest.tokens, manifest.width))
    return Loader(Source(range(2), range(2).__getitem__, reader.announce), reader.read, 2, 0)


@pytest.mark.parametrize("remote", [False, True])
def test_a_pickled_loader_reads_the_same(data, make, tmp_path, remote):
    with RangeServer(data) as server:
        module = StoryDataModule(server.url if remote else str(data), cache=str(tmp_path / "cache"))
        one = batches(module.folder, module.manifest, make().builder)
        again = pickle.loads(pickle.dumps(one.loader.dataset))
        for ours, theirs in zip(one, again, strict=True):
            names = [name for name in ours.__slots__ if isinstance(getattr(ours, name), torch.Tensor)]
            assert names
            assert all(getattr(ours, name).equal(getattr(theirs, name)) for name in names)
        one = narrated(module.folder, module.manifest)
        again = pickle.loads(pickle.dumps(one.loader.dataset))
        assert [video.story for video in one] == [video.story for video in again]


def test_a_server_that_is_gone_ends_a_test_at_its_first_video(data, tmp_path):
    patience = Patience(attempts=2, first=0.01, longest=0.01, timeout=20)
    with RangeServer(data) as server:
        module = StoryDataModule(server.url, cache=str(tmp_path / "cache"))
        folder = open_folder(server.url, cache_folder=tmp_path / "other", patience=patience)
        server.fault = lambda asked: Fault(status=503)
        with pytest.raises(Unreachable, match="the server answers 503"):
            list(narrated(folder, module.manifest))
