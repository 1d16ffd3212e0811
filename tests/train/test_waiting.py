"""In the code that runs on CUDA, no optimizer step waits for the device, except those that are logged.

Run on the CPU with the optimizer's fused kernel, which decides that code path. What would wait on CUDA is counted: in
Python (`float`, `.item()`, `.tolist()`, `.cpu()`, `bool` of a tensor), and below it, in the operators of forward,
backward, clipping and optimizer.
"""

from collections import defaultdict

import lightning as L
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import vn.train.module
from vn.settings import LoraSettings
from vn.train.datamodule import StoryDataModule
from vn.train.module import NarratorModule
from vn.train.monitor import StepMonitor

CALLS = {
    *("item", "tolist", "cpu", "numpy", "nonzero", "equal", "is_nonzero"),
    *("__float__", "__int__", "__bool__", "__index__"),
}
OPERATORS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal"}
EVERY = 4  # steps between log lines


class Calls(TorchFunctionMode):
    """Notes calls that copy a tensor to the host, unless the host made it: `torch.tensor` without a device."""

    def __init__(self, note):
        super().__init__()
        self.note = note

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name, options = getattr(function, "__name__", ""), kwargs or {}
        tensors = [arg for arg in args if isinstance(arg, torch.Tensor)]
        of_host = all(map(is_of_host, tensors)) if tensors else function is torch.tensor and "device" not in options
        if not of_host and (name in CALLS or (name == "to" and any(isinstance(a, str) and a == "cpu" for a in args))):
            self.note(name)
        result = function(*args, **options)
        if of_host and isinstance(result, torch.Tensor):
            result.of_host = True
        return result


def is_of_host(tensor):
    return getattr(tensor, "of_host", False)


class Operators(TorchDispatchMode):
    """Notes operators whose result depends on values, which the host then has to know."""

    def __init__(self, note):
        super().__init__()
        self.note = note

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name in OPERATORS and not is_of_host(args[0]):
            self.note(name)
        return function(*args, **(kwargs or {}))


class Count(L.Callback):
    """What waited, by optimizer step."""

    def __init__(self):
        self.waits = defaultdict(list)

    def on_train_start(self, trainer, module):
        def note(name):
            self.waits[trainer.global_step].append(name)

        self.modes = [Calls(note), Operators(note)]
        for mode in self.modes:
            mode.__enter__()

    def on_train_epoch_end(self, trainer, module):
        for mode in reversed(self.modes):
            mode.__exit__(None, None, None)


@pytest.fixture
def fit(tmp_path, tiny_base, data):
    def train(callback, **options):
        trainer = L.Trainer(
            callbacks=[callback, StepMonitor(0)],
            default_root_dir=tmp_path,
            devices=1,
            enable_checkpointing=False,
            enable_model_summary=False,
            gradient_clip_val=1.0,
            limit_val_batches=0,
            log_every_n_steps=EVERY,
            logger=False,
            max_epochs=1,
            num_sanity_val_steps=0,
            **options,
        )
        # Read by a worker, which is another process.
        module = NarratorModule(tiny_base, lora=LoraSettings(rank=4, alpha=8, dropout=0.1))
        trainer.fit(module, StoryDataModule(data, clips_per_step=4, workers=1))
        assert trainer.global_step >= 2 * EVERY
        return trainer.global_step

    return train


@pytest.fixture
def count(fit, monkeypatch):
    def train(fused, accumulate=1):
        monkeypatch.setattr(vn.train.module, "can_be_fused", lambda trainer: fused)
        counted = Count()
        steps = fit(counted, accelerator="cpu", accumulate_grad_batches=accumulate)
        return steps, counted.waits

    return train


@pytest.mark.parametrize("accumulate", [1, 2])
def test_only_logged_steps_wait(count, accumulate):
    """With the progress bar on, with LoRA dropout and clipping."""
    steps, waits = count(True, accumulate)
    # A step is counted from its micro-batches to its update as N - 1, and what is logged after that as N.
    between = {step: waits[step] for step in range(steps) if step % EVERY and waits[step]}
    assert between == {}
    assert waits[EVERY]


def test_the_count_sees_what_waits(count):
    """The unfused optimizer needs the host's decision in each step."""
    steps, waits = count(False)
    assert all(waits[step] for step in range(steps))


class Forbid(L.Callback):
    """Makes torch raise if anything waits for CUDA, in all steps that are not logged; the first two warm up."""

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        free = trainer.global_step < 2 or (trainer.global_step + 1) % EVERY == 0
        torch.cuda.set_sync_debug_mode("default" if free else "error")

    def on_train_epoch_end(self, trainer, module):
        torch.cuda.set_sync_debug_mode("default")

    def on_exception(self, trainer, module, exception):
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_torch_sees_nothing_wait_on_cuda(fit):
    fit(Forbid(), accelerator="gpu", precision="bf16-mixed")
