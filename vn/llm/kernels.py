"""The kernel that attends over the trees of a line: chosen by setting, device, type and model.

sdpa      part by part, everywhere: the reference (`vn.llm.parts`)
varlen    one call per layer over gathered keys: CUDA, float16 or bfloat16 (`vn.llm.varlen`)
flex      one call per layer over blocks of pairs: CUDA (`vn.llm.flex`)
auto      varlen where it works, or else sdpa
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from vn.errors import InputError
from vn.llm.flex import Blocks, Flex
from vn.llm.parts import Parts, computed_in
from vn.llm.tensors import map_tensors
from vn.llm.trees import Branch, Kernel, Tree
from vn.llm.varlen import MULTIPLE, WIDEST, Gathered
from vn.settings import Attention

logger = logging.getLogger(__name__)

Prepared = Gathered | Blocks
CHECKED = (Tree(0, 40, (Branch(40, 57, 25), Branch(57, 60, 8), Branch(60, 81, 40))),)  # three branches, none alike
TOLERANCE = 0.03  # relative to the norm; bfloat16 keeps 8 bits, and a mask that is one key off changes far more


@dataclass(frozen=True, slots=True)
class Heads:
    """What the kernels need to know of a model's attention.

    Attributes:
        queries: number of query heads.
        keys: number of key heads.
        width: d of a head.
        dropout: dropout probability of attention weights; 0 outside training.
    """

    queries: int
    keys: int
    width: int
    dropout: float

    @classmethod
    def of(cls, config: Any, training: bool) -> Heads:
        """Those of a model's configuration."""
        queries = config.num_attention_heads
        keys = getattr(config, "num_key_value_heads", None) or queries
        width = getattr(config, "head_dim", None) or config.hidden_size // queries
        dropout = float(getattr(config, "attention_dropout", 0.0) or 0.0)
        return cls(queries, keys, width, dropout if training else 0.0)


def prepared(trees: Sequence[Tree], attention: Attention, device: str) -> Prepared | None:
    """What the kernel needs beside the trees, made on the CPU, in the loader's workers.

    Args:
        trees: the trees of the line.
        attention: the setting ``model.attention``.
        device: type of the device that will train; ``auto`` prepares nothing for one that has SDPA alone.
    """
    if attention == "flex":
        return Blocks.of(trees)
    wanted = attention == "varlen" or (attention == "auto" and device == "cuda")
    return Gathered.of(trees) if wanted else None


def kernel(trees: Sequence[Tree], made: Prepared | None, attention: Attention, heads: Heads, inputs: Tensor) -> Kernel:
    """The kernel of a forward pass; without gradients and synchronisation, save for a check once per process.

    Args:
        trees: the trees that fill the line.
        made: what was `prepared` for them, on the device; made here if it is missing.
        attention: the setting ``model.attention``.
        heads: the model's heads.
        inputs: the line's embeddings ``[1, L, H]``, for their device and type.

    Raises:
        InputError: the kernel that was asked for does not work here; names another.
    """
    dtype, device = computed_in(inputs), inputs.device
    if attention == "flex":
        _refuse("flex", _no_flex(device, heads))
        return Flex(made if isinstance(made, Blocks) else _to(Blocks.of(trees), device))
    if attention == "sdpa":
        return Parts(trees)
    obstacle = _no_varlen(device, dtype, heads)
    if attention == "varlen":
        _refuse("varlen", obstacle)
    if obstacle:
        return Parts(trees)
    return made if isinstance(made, Gathered) else _to(Gathered.of(trees), device)


def no_mask(like: Tensor) -> Tensor:
    """A mask that a kernel does not need.

    With four dimensions it passes through transformers unchanged, while a mask ``[B, L]`` would become one of all pairs
    of the line, and no mask at all a wrong one: transformers would interpret the position ids as those of packed
    documents.
    """
    return like.new_empty(1, 1, 0, 0)


def _refuse(name: str, obstacle: str) -> None:
    if obstacle:
        raise InputError(f"{name} {obstacle}; use sdpa", field="model.attention")


def _no_flex(device: torch.device, heads: Heads) -> str:
    """Why FlexAttention does not work here, or an empty string."""
    if device.type != "cuda" and (device.type != "cpu" or torch.is_grad_enabled()):
        return "trains on CUDA only"
    return "has no attention dropout, which the base model uses" if heads.dropout else ""


def _no_varlen(device: torch.device, dtype: torch.dtype, heads: Heads) -> str:
    """Why variable-length attention does not work here, or an empty string."""
    if device.type != "cuda":
        return f"runs on CUDA only, not on {device.type}"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"computes in float16 or bfloat16, not in {str(dtype).removeprefix('torch.')}"
    if heads.dropout:
        return "has no attention dropout, which the base model uses"
    if heads.width > WIDEST or heads.width % MULTIPLE:
        return f"takes heads of up to {WIDEST} that are a multiple of {MULTIPLE}, not of {heads.width}"
    return checked(device, dtype, heads)


@cache
def checked(device: torch.device, dtype: torch.dtype, heads: Heads) -> str:
    """Whether one small line gives the same by variable-length attention as part by part; once per process.

    That a query at the end of its sequence attends to all keys is documented for FlashAttention, not for torch.

    Returns:
        What is wrong, also logged; or an empty string.
    """
    wrong = ""
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast(device.type, enabled=False):
            both: tuple[Kernel, ...] = (_to(Gathered.of(CHECKED), device), Parts(CHECKED))
            found, expected = (_results(each, device, dtype, heads) for each in both)
            errors = [float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True)]
        worst = max(errors, key=lambda error: error if error == error else math.inf)
        if not worst <= TOLERANCE:
            wrong = f"differs from sdpa by {worst:.2g} of the norm on this device"
    except Exception as error:  # whatever a driver, a build or a version of torch raises: sdpa runs without it
        why = str(error).partition("\n")[0]
        wrong = f"does not run on this device ({type(error).__name__}: {why})"
    if wrong:
        logger.warning("model.attention: varlen %s; sdpa is used instead", wrong)
    return wrong


def _results(kernel: Kernel, device: torch.device, dtype: torch.dtype, heads: Heads) -> list[Tensor]:
    """Output and gradients of queries, keys and values over the small line, in float32."""
    random = torch.Generator().manual_seed(0)  # on the CPU: no random state of training is touched
    length = CHECKED[-1].parts[-1].end

    def draw(count: int) -> Tensor:
        return torch.randn(1, count, length, heads.width, generator=random).to(device, dtype)

    query, key, value = (draw(count).requires_grad_() for count in (heads.queries, heads.keys, heads.keys))
    out = kernel.attend(query, key, value, dropout=0.0, scale=None)
    gradients = torch.autograd.grad(out, (query, key, value), draw(heads.queries).transpose(1, 2))
    return [each.float() for each in (out.detach(), *gradients)]


def _to(made: Any, device: torch.device) -> Any:
    return map_tensors(made, lambda each: each.to(device))
