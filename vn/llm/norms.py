"""LLaMA's norms in one operator instead of eight, on CUDA.

transformers writes RMSNorm as a chain of operators, each of which reads and writes the whole line in float32. torch's
fused operator computes the same, and rounds once, at the end. On other devices nothing changes, to the bit.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vn.llm.parts import computed_in


class FusedRMSNorm(nn.Module):
    """LLaMA's norm, with the weight of another.

    Args:
        weight: ``[H]``.
        epsilon: what is added to the variance.
    """

    def __init__(self, weight: nn.Parameter, epsilon: float) -> None:
        super().__init__()
        self.weight = weight
        self.variance_epsilon = epsilon

    def forward(self, hidden_states: Tensor) -> Tensor:
        """The norm of ``[..., H]``, in the type that the next layer computes in."""
        if hidden_states.is_cuda and hidden_states.dtype == self.weight.dtype:
            return self.fused(hidden_states)
        return self.chain(hidden_states)

    def chain(self, states: Tensor) -> Tensor:
        """The norm as transformers' operators compute it, to the bit."""
        exact = states.to(torch.float32)
        exact = exact * torch.rsqrt(exact.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * exact.to(states.dtype)

    def fused(self, states: Tensor) -> Tensor:
        """The same by torch's operator; under autocast rounded here, rather than by each of the layers that read it."""
        with torch.autocast(states.device.type, enabled=False):  # would cast back and forth, depending on the version
            out = F.rms_norm(states, self.weight.shape, self.weight, self.variance_epsilon)
        return out.to(computed_in(states))


def fuse_norms(llm: nn.Module) -> None:
    """Replace the norms that are known to be LLaMA's, in place; their names and weights stay."""
    from transformers.models.glm.modeling_glm import GlmRMSNorm
    from transformers.models.llama.modeling_llama import LlamaRMSNorm
    from transformers.models.mistral.modeling_mistral import MistralRMSNorm
    from transformers.models.qwen2.modeling_qwen2 import Qwen2RMSNorm

    known = (LlamaRMSNorm, MistralRMSNorm, Qwen2RMSNorm, GlmRMSNorm)  # four names of one computation
    for name, module in list(llm.named_modules()):
        if type(module) in known:
            llm.set_submodule(name, FusedRMSNorm(module.weight, module.variance_epsilon))
