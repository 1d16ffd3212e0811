"""LLaMA's norms in one operator instead of eight, on CUDA.

transformers writes RMSNorm as a chain of operators, each of which reads and writes the whole line in float32. torch's
fused operator computes the same, and rounds once, at the end. On other devices nothing changes, to the bit.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.glm.modeling_glm import GlmRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.mistral.modeling_mistral import MistralRMSNorm
from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

from vn.llm.parts import computed_in

KNOWN = (LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm, GlmRMSNorm)  # four names of one computation


class FusedRMSNorm(LlamaRMSNorm):
    """A norm that takes over the weight of another.

    Args:
        norm: the norm.
    """

    def __init__(self, norm: LlamaRMSNorm | MistralRMSNorm | Qwen2RMSNorm | GlmRMSNorm) -> None:
        nn.Module.__init__(self)
        self.weight = norm.weight
        self.variance_epsilon = norm.variance_epsilon

    def forward(self, hidden_states: Tensor) -> Tensor:
        """The norm of ``[..., H]``, in the type that the next layer computes in."""
        if hidden_states.is_cuda and hidden_states.dtype == self.weight.dtype:
            return self.fused(hidden_states)
        chain: Tensor = super().forward(hidden_states)
        return chain

    def fused(self, states: Tensor) -> Tensor:
        """The same by torch's operator; under autocast rounded here, rather than by each of the layers that read it."""
        with torch.autocast(states.device.type, enabled=False):  # would cast back and forth, depending on the version
            out = F.rms_norm(states, self.weight.shape, self.weight, self.variance_epsilon)
        return out.to(computed_in(states))


def fuse_norms(llm: nn.Module) -> None:
    """Replace the norms that are known to be LLaMA's, in place; their names and weights stay."""
    for name, module in list(llm.named_modules()):
        if type(module) in KNOWN:
            llm.set_submodule(name, FusedRMSNorm(module))
