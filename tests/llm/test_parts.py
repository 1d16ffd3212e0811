"""Attention part by part, the reference of the other kernels, against a mask of all pairs."""

import torch
from hypothesis import given, settings
from some_trees import by_definition, heads, lines, results

from vn.llm.parts import ALIGNMENT, Parts


@given(lines())
@settings(max_examples=60)
def test_part_by_part_is_attention_under_the_dense_mask(trees):
    found = results(lambda q, k, v: Parts(trees).attend(q, k, v, 0.0, None), heads(trees))
    for a, b in zip(found, results(by_definition(trees), heads(trees)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@given(lines())
@settings(max_examples=30)
def test_masks_are_made_once_and_aligned(trees):
    parts = Parts(trees)
    masks = parts.masks(torch.float32, torch.device("cpu"))
    branches = [(branch, branch.seen - tree.start) for tree in trees for branch in tree.branches]
    for mask, (branch, seen) in zip(masks, branches, strict=True):
        own = branch.end - branch.start
        allowed = torch.ones(own, seen + own, dtype=torch.bool).tril(seen)
        assert torch.equal(mask[0, 0] == 0, allowed)
        assert torch.equal(mask[0, 0] == -torch.inf, ~allowed)
        assert mask.stride(2) % ALIGNMENT == 0
        assert mask.data_ptr() % (ALIGNMENT * mask.element_size()) == 0
    assert all(a is b for a, b in zip(masks, parts.masks(torch.float32, torch.device("cpu")), strict=True))
    halves = parts.masks(torch.bfloat16, torch.device("cpu"))
    assert all(mask.dtype == torch.bfloat16 for mask in halves)


@given(lines())
@settings(max_examples=30)
def test_an_additive_mask_gives_the_bits_of_a_boolean_one(trees):
    """As SDPA was called before masks were made once: trained weights stay the same."""
    allowed = Parts(trees)
    allowed._masks = [mask == 0 for mask in Parts(trees).masks(torch.float32, torch.device("cpu"))]
    allowed.masks = lambda dtype, device: allowed._masks
    for key_heads in (2, 4):
        both = [
            results(lambda q, k, v, each=each: each.attend(q, k, v, 0.0, None), heads(trees, key_heads))
            for each in (Parts(trees), allowed)
        ]
        assert all(torch.equal(a, b) for a, b in zip(*both, strict=True))
