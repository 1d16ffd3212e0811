"""The machine: versions, the card, and its measured ceilings."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator

import torch
from trials import Result, Run, SkippedError, Trial

PACKAGES = (
    *("torch", "triton", "torchvision", "transformers", "peft", "accelerate", "lightning", "tokenizers"),
    *("huggingface_hub", "safetensors", "numpy", "timm", "jsonargparse", "webdataset", "deepspeed", "bitsandbytes"),
    *("gguf", "jieba", "wandb"),
)
DATASHEET = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16 FLOP/s of the SXM cards


def datasheet_peak() -> float | None:
    """Dense bf16 FLOP/s by the card's data sheet; None if this page has none."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return next((peak for card, peak in DATASHEET.items() if card in name), None)


def machine(run: Run) -> Iterator[Trial]:
    """Versions, the card, a matrix product and a copy."""
    yield Trial("versions", versions, 0)
    yield Trial("card", card, 0)
    yield Trial("matmul", lambda: matmul(run))
    yield Trial("copy", lambda: copy(run))


def versions() -> Result:
    """Of what matters; None if a package is not installed."""
    found: Result = {"python": platform.python_version(), "cuda": torch.version.cuda, "platform": sys.platform}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def card() -> Result:
    """Name, memory and cores."""
    if not torch.cuda.is_available():
        return {"name": "CPU", "cores": os.cpu_count()}
    device = torch.cuda.get_device_properties(0)
    free, total = torch.cuda.mem_get_info()
    return {
        "name": device.name,
        "memory_gb": total / 1e9,
        "free_gb": free / 1e9,
        "multiprocessors": device.multi_processor_count,
        "capability": f"{device.major}.{device.minor}",
        "datasheet_tflops": (datasheet_peak() or 0) / 1e12 or None,
        "cores": os.cpu_count(),
    }


def matmul(run: Run) -> Result:
    """A large square product of random bf16 numbers: the ceiling of arithmetic."""
    size = 256 if run.quick else 8192
    with run.place.building():
        a, b = (torch.randn(size, size, dtype=torch.bfloat16) for _ in range(2))

    def ten() -> None:
        for _ in range(10):
            a @ b

    best = min(run.clock(ten, seconds=2))
    return {"size": size, "tflops": 10 * 2 * size**3 / best / 1e12}


def copy(run: Run) -> Result:
    """A copy within the device, bytes read and written."""
    if not run.place.cuda:
        raise SkippedError("CUDA only")
    a = torch.empty(1 << 31, dtype=torch.uint8, device=run.place.device).random_()
    b = torch.empty_like(a)

    def ten() -> None:
        for _ in range(10):
            b.copy_(a)

    best = min(run.clock(ten, seconds=1))
    return {"terabytes_per_s": 10 * 2 * len(a) / best / 1e12}
