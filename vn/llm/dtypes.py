"""The data type that a trained narrator writes with, if it is to be another than the one it was trained with."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import torch
from torch import nn

from vn.errors import InputError
from vn.llm.device import device_of
from vn.settings import NarratorSettings

Dtype = Literal["float32", "bfloat16", "auto"]
FIELD = "dtype"
WEIGHTS = (".safetensors", ".bin")
SMALL = 100_000_000  # bytes; the demo's model has 2 million and is 1.4 times as slow in bfloat16


def resolved(dtype: str | None, device: torch.device | str | None, settings: NarratorSettings) -> str | None:
    """The data type that is meant.

    Args:
        dtype: a `Dtype`; None is that of the narrator's card.
        device: for ``auto``; None is CUDA if available.
        settings: the narrator's card, with the base model where it is now. Quantized weights have a data type of their
            own.

    Returns:
        ``float32`` or ``bfloat16``; None for that of the card.

    Raises:
        InputError: there is no such data type or device, or the weights are quantized.
    """
    quantized = settings.quantization != "none"
    if dtype is None or (dtype == "auto" and quantized):
        return None
    if dtype not in get_args(Dtype):
        raise InputError(f"expected one of {', '.join(get_args(Dtype))}, got {dtype!r}", field=FIELD)
    if quantized:
        raise InputError(f"weights in {settings.quantization} keep the data type they were trained with", field=FIELD)
    if dtype != "auto":
        return dtype
    where = device if isinstance(device, torch.device) else device_of(device)
    return "bfloat16" if _is_faster(where, settings.base_model) else "float32"


def _is_faster(device: torch.device, base_model: str) -> bool:
    """Whether bfloat16 is faster: the device computes products in it, and reading the weights is what takes time.

    CPUs with AVX512_BF16 or AMX compute in it; others convert each number, which takes longer.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):  # PyTorch before 2.11
        return False
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16")) and not _is_small(Path(base_model).expanduser())


def _is_small(folder: Path) -> bool:
    """Whether a model's weights fit into a processor's caches; those of the hub or of a loader are assumed not to."""
    sizes = [file.stat().st_size for end in WEIGHTS for file in folder.glob(f"*{end}")] if folder.is_dir() else []
    return 0 < sum(sizes) < SMALL


@torch.no_grad()
def convert(llm: nn.Module, dtype: str) -> None:
    """Convert a language model's weights: what it computes, and its key-value cache, follow.

    Buffers stay as they are: in bfloat16 the frequencies of RoPE would be rounded, and positions with them.
    """
    for parameter in llm.parameters():
        parameter.data = parameter.data.to(getattr(torch, dtype))
