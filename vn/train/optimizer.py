"""AdamW with its schedule, and a gate that keeps a bad step out of the weights without asking the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from vn.train.settings import Optimization


def can_be_fused(trainer: L.Trainer) -> bool:
    """Whether the fused kernel applies: on CUDA, without a loss scale (float16), and if no engine makes the steps."""
    ours = type(trainer.strategy) in (SingleDeviceStrategy, DDPStrategy)
    return ours and trainer.strategy.root_device.type == "cuda" and not str(trainer.precision).startswith("16")


def adamw(trained: Iterable[nn.Parameter], settings: Optimization, fused: bool) -> AdamW:
    """AdamW; its state is the same with and without the fused kernel, so that a checkpoint of either fits both.

    Args:
        trained: the parameters.
        settings: learning rate and weight decay.
        fused: one kernel for all parameters, with a gate (`hold_back`).
    """
    optimizer = AdamW(trained, lr=settings.lr, weight_decay=settings.weight_decay, fused=fused or None)
    # Says that it divides gradients by a loss scale itself, so Lightning up to 2.6.6 refuses to clip them, even in
    # bfloat16, which has no loss scale (its issue 21435). With one, in float16, the optimizer is not fused.
    optimizer._step_supports_amp_scaling = False

    def keep_kernel(optimizer: Optimizer, state: dict[str, Any]) -> dict[str, Any]:
        groups = [{**group, "fused": fused or None} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    optimizer.register_load_state_dict_pre_hook(keep_kernel)
    return optimizer


def with_schedule(optimizer: Optimizer, settings: Optimization, horizon: int) -> dict[str, Any]:
    """An optimizer with its learning rate's schedule, as Lightning wants them.

    Args:
        optimizer: the optimizer.
        settings: shape of the schedule.
        horizon: optimizer steps of the whole training.
    """
    schedule = LambdaLR(optimizer, lambda step: settings.factor(step, horizon))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def is_gated(optimizer: Optimizer) -> bool:
    """Whether `hold_back` works: the fused kernel reads the flag; other ones need the host's decision before a step."""
    return all(group.get("fused") for group in optimizer.param_groups)


def hold_back(optimizer: Optimizer, bad: Tensor) -> None:
    """Before a step: do not apply it, nor any later one, if a flag on the device is set; the host does not wait.

    Weights, moments and the optimizer's step count stay what they were before the first bad step. The flag is what
    loss scaling uses to skip steps (``found_inf``).

    Args:
        optimizer: a gated one.
        bad: a scalar, 1.0 if the step must not be applied, else 0.0.
    """
    before = getattr(optimizer, "found_inf", None)
    optimizer.found_inf = bad if before is None else torch.maximum(before, bad)  # type: ignore[attr-defined]
