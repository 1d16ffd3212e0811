"""How many videos to narrate at once: as many as a GPU's free memory has room for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

import torch

from vn.narrator import VideoNarrator

logger = logging.getLogger(__name__)

AtOnce = int | Literal["auto"]
MOST = 64  # more are hardly faster: attention over their texts then takes longer than reading the weights
SHARE = 0.8  # share of the free memory; the rest is for what a pass computes
GROWN = 1.25  # a cache that is enlarged may be larger than needed by this factor


def free_memory(device: torch.device) -> int:
    """Bytes of a CUDA device that can be allocated: free, or reserved by this process and unused."""
    free: int = torch.cuda.mem_get_info(device)[0]
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)


def video_bytes(narrator: VideoNarrator, longest: int) -> int:
    """Most bytes of the keys and values of a story.

    Args:
        narrator: the narrator.
        longest: maximum tokens of its text.
    """
    config = narrator.causal_lm.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    number = narrator.causal_lm.get_input_embeddings().weight.dtype.itemsize
    return int(2 * config.num_hidden_layers * heads * width * number * longest * GROWN)


def resolve(
    at_once: AtOnce,
    narrator: VideoNarrator,
    longest: int,
    usual: int,
    memory: Callable[[torch.device], int] | None = None,
) -> int:
    """How many videos to narrate at once, which does not change what is written.

    Args:
        at_once: the number, or ``auto``: by free memory on CUDA.
        narrator: the narrator, on its device.
        longest: maximum tokens of a story.
        usual: the number for ``auto`` if it cannot be chosen by memory.
        memory: free bytes of a device; None is `free_memory`, on CUDA only.
    """
    device = narrator.mean.device
    if memory is None and device.type == "cuda":
        memory = free_memory
    if at_once != "auto":
        return at_once
    if memory is None:
        return usual
    free, each = memory(device), video_bytes(narrator, longest)
    count = max(1, min(MOST, int(SHARE * free / each)))
    videos = "1 video" if count == 1 else f"{count} videos"
    logger.info("narrating %s at once: %s free, %s per video", videos, _size(free), _size(each))
    return count


def _size(count: int) -> str:
    return f"{count / 1e9:.2g} GB" if count < 1e10 else f"{count / 1e9:.0f} GB"
