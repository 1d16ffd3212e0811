"""Dropout that depends only on the step (`vn.train.callbacks.StepSeed`)."""

from types import SimpleNamespace

import torch

from vn.train.callbacks import StepSeed


def test_the_seed_of_a_step_is_the_one_that_torch_would_set():
    trainer = SimpleNamespace(global_step=7, accumulate_grad_batches=2, global_rank=1)
    module = SimpleNamespace(device=torch.device("cpu"))
    StepSeed(3).on_train_batch_start(trainer, module, None, batch_idx=5)
    drawn = torch.rand(4)
    torch.manual_seed(hash((3, 7, 1, 1)) & (2**63 - 1))
    torch.testing.assert_close(drawn, torch.rand(4), rtol=0, atol=0)
