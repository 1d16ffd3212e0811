"""How transformers' models call our attention: over the trees of a line in training, over slots in generation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from vn.llm.slots import Reading
from vn.llm.trees import Kernel

TREE = "vn_tree"
"""The name under which transformers knows this attention."""


# The parameters up to `scaling` are those of transformers' attention functions; `kernel` and `reading` are ours, passed
# as keyword arguments through the model's forward (tests/test_signatures.py has the exception).
def tree_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    kernel: Kernel | None = None,
    reading: Reading | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention ``[B, heads, L, d]`` to ``[B, L, heads, d]``, as transformers' attention interface requires.

    Args:
        module: the attention layer.
        query: queries after RoPE, ``[B, heads, L, d]``.
        key: keys after RoPE, with fewer heads if they are grouped.
        value: values, of the keys' shape.
        attention_mask: what each token attends to, unless `kernel` or `reading` decides.
        dropout: dropout probability of attention weights in training.
        scaling: factor on the scores.
        kernel: attention over the trees of the one line (B = 1); None is ordinary attention.
        reading: a pass over slots of a cache (`vn.llm.slots`), which then decides alone what is attended to.
        others: further arguments of transformers' own attention.
    """
    if reading is not None:
        layer: Any = module.layer_idx
        return reading.attend(layer, query, key, value, scaling), None
    if kernel is not None:
        return kernel.attend(query, key, value, dropout, scaling), None
    return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others)


AttentionInterface.register(TREE, tree_attention)
AttentionMaskInterface.register(TREE, sdpa_mask)  # without it, padding masks would be dropped silently
