"""Batches on their way to the device: pinned for CUDA alone, and the same batches in the same order anywhere."""

from dataclasses import fields

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy

from vn.train.datamodule import StoryDataModule
from vn.train.module import NarratorModule
from vn.train.transfer import to_device


@pytest.fixture
def fitted(tiny_base, data, tmp_path):
    """A data module whose training has begun."""
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = L.Trainer(accelerator="cpu", max_steps=1, logger=False, default_root_dir=tmp_path, **quiet)
    module = StoryDataModule(data, clips_per_step=8, workers=0)
    trainer.fit(NarratorModule(tiny_base), module)
    return module


def assert_same(a, b):
    for field in fields(a):
        ours, theirs = getattr(a, field.name), getattr(b, field.name)
        assert ours.cpu().equal(theirs.cpu()) if isinstance(ours, torch.Tensor) else ours == theirs, field.name


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_batches_are_pinned_where_the_run_uses_cuda(fitted, monkeypatch, device):
    """Decided by the run's device, not by what the machine has."""
    monkeypatch.setattr(SingleDeviceStrategy, "root_device", torch.device(device))
    assert fitted.train_dataloader().loader.pin_memory is (device == "cuda")


def test_a_batch_on_the_cpu_is_the_batch(fitted):
    batch = next(iter(fitted.train_dataloader()))
    assert_same(to_device(batch, torch.device("cpu")), batch)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_batches_copied_while_the_device_computes_are_whole(fitted):
    """Many in a row, with the memory of earlier ones freed and used again while the device is still busy."""
    device = torch.device("cuda", torch.cuda.current_device())
    batches = [batch.pin_memory() for batch in fitted.train_dataloader()] * 20
    busy = torch.ones(4096, 4096, device=device)
    sums = []
    for batch in batches:
        busy = busy @ busy * 1e-4
        moved = to_device(batch, device)
        sums.append(moved.frames.double().sum() + moved.ids.sum())
        del moved
    for batch, total in zip(batches, sums, strict=True):
        assert total.item() == pytest.approx((batch.frames.double().sum() + batch.ids.sum()).item())
