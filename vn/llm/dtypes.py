"""The data type that a trained narrator writes with, if it is to be another than the one it was trained with."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import nn

from vn.errors import InputError

Dtype = Literal["float32", "bfloat16", "auto"]
FIELD = "dtype"


def faster(device: torch.device) -> str:
    """The faster one on a device: bfloat16 if it computes products in it, as the weights are half as large then.

    On CPUs these are those with AVX512_BF16 or AMX: elsewhere each number is converted, which takes longer.
    """
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):  # PyTorch before 2.11
        return "float32"
    can = torch.cpu.get_capabilities()
    return "bfloat16" if can.get("avx512_bf16") or can.get("amx_bf16") else "float32"


def resolved(dtype: str | None, device: torch.device | str | None, quantization: str = "none") -> str | None:
    """The data type that is meant.

    Args:
        dtype: a `Dtype`; None is that of the narrator's card.
        device: for ``auto``; None is CUDA if available.
        quantization: as in the narrator's card: quantized weights have a data type of their own.

    Returns:
        ``float32`` or ``bfloat16``; None for that of the card.

    Raises:
        InputError: there is no such data type, or the weights are quantized.
    """
    if dtype is None or (dtype == "auto" and quantization != "none"):
        return None
    if dtype not in get_args(Dtype):
        raise InputError(f"expected one of {', '.join(get_args(Dtype))}, got {dtype!r}", field=FIELD)
    if quantization != "none":
        raise InputError(f"weights in {quantization} keep the data type they were trained with", field=FIELD)
    if dtype != "auto":
        return dtype
    return faster(torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))


@torch.no_grad()
def convert(llm: nn.Module, dtype: str) -> None:
    """Convert a language model's weights: what it computes, and its key-value cache, follow.

    Buffers stay as they are: in bfloat16 the frequencies of RoPE would be rounded, and positions with them.
    """
    for parameter in llm.parameters():
        parameter.data = parameter.data.to(getattr(torch, dtype))
