"""Batches on their way to the device."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from vn.llm.packing import Batch
from vn.llm.tensors import map_tensors


def to_device(batch: Batch, device: torch.device) -> Batch:
    """A batch on the device, without the host waiting for it.

    On CUDA it is copied on a stream of its own, from pinned memory. The host is ahead of the device, so the copy runs
    while the device still computes the micro-batch before; what computes with the batch waits for the copy, on the
    device. Nothing is fetched earlier for that: order, counts and position of the loader are the same on any device.

    Args:
        batch: a batch in the host's memory.
        device: where to.
    """
    if device.type != "cuda":
        return batch.to(device, non_blocking=True)
    computing, copying = torch.cuda.current_stream(device), _copy_stream(device)
    with torch.cuda.stream(copying):
        moved = batch.to(device, non_blocking=True)
    computing.wait_stream(copying)

    def keep(tensor: Tensor) -> Tensor:
        tensor.record_stream(computing)  # its memory may be used for another copy only when this stream is done
        return tensor

    return map_tensors(moved, keep)


@cache
def _copy_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)
