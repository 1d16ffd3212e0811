"""One call over gathered keys against the definition, by a CPU kernel for torch's operator (varlen_on_cpu.py)."""

import pytest
import torch
import varlen_on_cpu
from hypothesis import given, settings
from some_trees import by_definition, heads, lines, results
from torch.nn.attention import varlen as torch_varlen

from vn.llm import varlen
from vn.llm.trees import Branch, Tree
from vn.llm.varlen import Gathered

TREES = (Tree(0, 9, (Branch(9, 12, 4), Branch(12, 13, 9), Branch(13, 17, 0))), Tree(17, 19))


@pytest.fixture(autouse=True, scope="module")
def kernel():
    varlen_on_cpu.register()


@pytest.fixture(params=["as installed", "as in torch 2.11"])
def grouped_or_not(request, monkeypatch):
    """torch's function as it is, and without grouped heads, as in torch 2.11."""
    varlen._call.cache_clear()
    if request.param == "as in torch 2.11":

        def older(
            query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux=None, scale=None, window_size=(-1, -1)
        ):
            assert query.shape[1] == key.shape[1], "grouped heads"
            ends = (cu_seq_q, cu_seq_k, max_q, max_k)
            return known(query, key, value, *ends, return_aux=return_aux, scale=scale, window_size=window_size)

        known = torch_varlen.varlen_attn
        monkeypatch.setattr(torch_varlen, "varlen_attn", older)
    yield
    varlen._call.cache_clear()


def attend(trees):
    return lambda q, k, v: Gathered.of(trees).attend(q, k, v, 0.0, None)


@pytest.mark.parametrize("key_heads", [1, 2, 4])
@pytest.mark.usefixtures("grouped_or_not")
def test_one_call_is_attention_under_the_dense_mask(key_heads):
    @given(lines())
    @settings(max_examples=30)
    def check(trees):
        found = results(attend(trees), heads(trees, key_heads, torch.float64))
        expected = results(by_definition(trees), heads(trees, key_heads, torch.float64))
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)

    check()


@pytest.mark.usefixtures("grouped_or_not")
def test_gradients_are_those_of_finite_differences():
    assert torch.autograd.gradcheck(attend(TREES), heads(TREES, 2, torch.float64), fast_mode=False)


def test_queries_and_keys_of_another_type_are_cast_to_the_values():
    """RoPE's results are float32 under autocast; FlashAttention takes one type."""
    q, k, v = heads(TREES)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = attend(TREES)(q, k, v.bfloat16())
    halves = attend(TREES)(q.bfloat16(), k.bfloat16(), v.bfloat16())
    assert mixed.dtype == torch.bfloat16
    assert torch.equal(mixed, halves)


def test_a_torch_whose_function_cannot_be_causal_is_refused(monkeypatch):
    varlen._call.cache_clear()
    monkeypatch.setattr(torch_varlen, "varlen_attn", lambda query, key, value, is_causal=False: None)
    with pytest.raises(ImportError, match="older varlen_attn"):
        varlen._call()
    varlen._call.cache_clear()
