"""Norms in one operator: the same weights, the same names, the same function."""

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    GemmaConfig,
    GlmConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
)

from vn.llm.norms import FusedRMSNorm, fuse_norms

SIZES = {
    "vocab_size": 20,
    "hidden_size": 32,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "pad_token_id": 0,
}


def model(config):
    torch.manual_seed(0)
    llm = AutoModelForCausalLM.from_config(config(**SIZES)).eval()
    with torch.no_grad():
        for name, parameter in llm.named_parameters():
            if "norm" in name:
                parameter.normal_(1, 0.3)
    return llm


@pytest.mark.parametrize("config", [LlamaConfig, MistralConfig, Qwen2Config, GlmConfig])
def test_a_model_stays_the_same_to_the_bit_on_the_cpu(config):
    llm = model(config)
    ids = torch.arange(12)[None]
    before, names = llm(ids).logits, list(llm.state_dict())
    fuse_norms(llm)
    assert sum(isinstance(module, FusedRMSNorm) for module in llm.modules()) == 5
    assert torch.equal(llm(ids).logits, before)
    assert list(llm.state_dict()) == names
    fuse_norms(llm)  # changes nothing
    assert torch.equal(llm(ids).logits, before)


def test_a_norm_of_another_kind_stays():
    """Gemma's adds 1 to its weight."""
    llm = model(GemmaConfig)
    kinds = [type(module) for module in llm.modules()]
    fuse_norms(llm)
    assert [type(module) for module in llm.modules()] == kinds


@pytest.mark.parametrize(("dtype", "rel"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("mixed", [False, True])
def test_the_fused_operator_is_the_chain(dtype, rel, mixed):
    """Values and gradients; torch's operator on the CPU."""
    theirs = model(LlamaConfig).to(dtype).get_decoder().norm
    norm = FusedRMSNorm(theirs.weight, theirs.variance_epsilon)
    results = []
    for apply in (norm.fused, norm):
        torch.manual_seed(0)
        states = (3 * torch.randn(1, 50, 32)).to(dtype).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            out = apply(states)
        assert out.dtype == (torch.bfloat16 if mixed and apply == norm.fused else dtype)
        out.float().pow(3).sum().backward()
        results.append((out.float(), states.grad.float(), norm.weight.grad.float()))
        norm.weight.grad = None
    for found, expected in zip(*results, strict=True):
        assert (found - expected).norm() <= (1e-2 if mixed else rel) * expected.norm()
