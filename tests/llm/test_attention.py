"""Attention over shared lines, against a dense mask that is built from the rows themselves."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention.flex_attention import create_mask
from transformers import LlamaConfig, MistralConfig, Qwen2Config

from vn.errors import InputError
from vn.llm.attention import Branch, Tree, branch_mask, check_window, flex_mask, tree_attention


@st.composite
def lines(draw):
    """Trees end to end: trunks of 1 to 30 places, branches of 1 to 9 that leave the trunk anywhere."""
    trees, at = [], 0
    for _ in range(draw(st.integers(1, 3))):
        start, at = at, at + draw(st.integers(1, 30))
        end, branches = at, []
        for _ in range(draw(st.integers(0, 4))):
            branches.append(Branch(at, at + draw(st.integers(1, 9)), draw(st.integers(start, end))))
            at = branches[-1].end
        trees.append(Tree(start, end, tuple(branches)))
    return tuple(trees)


def dense(trees):
    """By definition: a place sees what comes before it in its row, wherever that row lies in the line."""
    length = trees[-1].parts[-1].end
    mask = torch.zeros(length, length, dtype=torch.bool)
    for tree in trees:
        rows = [list(range(tree.start, tree.end))]
        rows += [[*range(tree.start, b.seen), *range(b.start, b.end)] for b in tree.branches]
        for row in rows:
            for n, place in enumerate(row):
                mask[place, row[: n + 1]] = True
    return mask


def heads(trees, query_heads=4, key_heads=2, width=8):
    torch.manual_seed(len(trees))
    length = trees[-1].parts[-1].end
    return [torch.randn(1, n, length, width, requires_grad=True) for n in (query_heads, key_heads, key_heads)]


@given(lines())
@settings(max_examples=60, deadline=None)
def test_part_by_part_is_attention_under_the_dense_mask(trees):
    """Values and gradients; the oracle is one call of SDPA with a mask of all pairs."""
    module = SimpleNamespace(training=True)
    found, expected = [], []
    for results in (found, expected):
        q, k, v = heads(trees)
        if results is found:
            out = tree_attention(module, q, k, v, branch_mask(trees, "cpu"), trees=trees)[0].transpose(1, 2)
        else:
            out = F.scaled_dot_product_attention(q, k, v, dense(trees), enable_gqa=True)
        (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().backward()
        results += [out.detach(), q.grad, k.grad, v.grad]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@given(lines())
@settings(max_examples=60, deadline=None)
@torch.no_grad()
def test_the_mask_function_for_flex_is_the_dense_mask(trees):
    mask = flex_mask(trees, "cpu")
    length = trees[-1].parts[-1].end
    assert mask.shape[-2:] == (length, length)
    torch.testing.assert_close(create_mask(mask.mask_mod, 1, 1, length, length, "cpu")[0, 0], dense(trees))


@given(lines())
@settings(max_examples=10, deadline=None)
@torch.no_grad()
def test_flex_forward_on_the_cpu_equals_sdpa(trees):
    """The eager forward pass only: FlexAttention has no backward pass on the CPU, and no CUDA device was at hand."""
    q, k, v = (x.detach() for x in heads(trees))
    module = SimpleNamespace(training=False)
    masks = (flex_mask(trees, "cpu"), branch_mask(trees, "cpu"))
    flex, sdpa = (tree_attention(module, q, k, v, mask, trees=trees)[0] for mask in masks)
    torch.testing.assert_close(flex, sdpa, rtol=1e-4, atol=1e-5)


def test_flex_refuses_to_train_on_the_cpu():
    with pytest.raises(InputError, match=r"model\.attention: flex trains on CUDA only"):
        flex_mask([Tree(0, 4)], "cpu")


def test_blocks_that_nobody_sees_are_skipped_by_flex():
    """Two videos of ten blocks each: at most the causal half of each is computed, and nothing between them."""
    trees = [Tree(0, 1280), Tree(1280, 2560)]
    with torch.no_grad():
        assert flex_mask(trees, "cpu").sparsity() > 70  # per cent


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        (LlamaConfig(), False),
        (MistralConfig(sliding_window=100), True),
        (MistralConfig(sliding_window=128), False),
        (MistralConfig(sliding_window=None), False),
        (Qwen2Config(sliding_window=100, use_sliding_window=False), False),
        (Qwen2Config(sliding_window=100, use_sliding_window=True), True),
    ],
)
def test_a_window_shorter_than_a_row_is_refused(config, refused):
    if refused:
        with pytest.raises(
            InputError, match=r"model\.max_length: the base model attends to 100 tokens back, fewer than the 128"
        ):
            check_window(config, 128)
    else:
        check_window(config, 128)
