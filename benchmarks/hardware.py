"""Where a benchmark's narrator computes, and in which numbers; clocks and memory of that device."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch

Seconds = tuple[float, float]  # wall, CPU of this process


@dataclass(frozen=True, slots=True)
class Place:
    """A device and a dtype.

    Attributes:
        device: ``cpu`` or ``cuda``.
        dtype: of the frozen weights and of matrix products; LoRA and the projector are float32, as `vn fit` has them.
    """

    device: str = "cpu"
    dtype: torch.dtype = torch.float32

    @property
    def cuda(self) -> bool:
        """Whether this is a GPU."""
        return self.device.startswith("cuda")

    def autocast(self) -> AbstractContextManager[object]:
        """Mixed precision, as Lightning's ``bf16-mixed`` and HF's ``bf16`` have it; nothing in float32."""
        return nullcontext() if self.dtype == torch.float32 else torch.autocast(self.device, self.dtype)

    @contextmanager
    def building(self) -> Iterator[None]:
        """New tensors are on the device."""
        with torch.device(self.device):
            yield

    def now(self) -> Seconds:
        """Wall and process CPU seconds, once the device has done what was asked of it."""
        if self.cuda:
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    def free(self) -> None:
        """Return unused memory, and count the peak from here."""
        if self.cuda:
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> int:
        """The most bytes allocated since `free`; on the CPU, those resident since the process began."""
        if self.cuda:
            return torch.cuda.max_memory_allocated()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


CPU = Place()
