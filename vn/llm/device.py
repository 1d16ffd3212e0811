"""The device that a command computes on."""

from __future__ import annotations

import torch

from vn.errors import InputError


def device_of(name: str | None) -> torch.device:
    """A device by its name.

    Args:
        name: e.g. ``cpu`` or ``cuda:1``; None is CUDA if available, else the CPU.

    Raises:
        InputError: there is no such device here.
    """
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter from builds without CUDA
        why = str(error).partition("\n")[0]
        raise InputError(f"no device {name!r} here: {why}", field="--device") from None
    return device
