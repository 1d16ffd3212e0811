"""Blocks counted by hand against torch's `create_block_mask`, and FlexAttention against attention part by part."""

import pickle

import pytest
import torch
from hypothesis import given, settings
from some_trees import dense, heads, lines
from torch.nn.attention.flex_attention import create_block_mask, create_mask

from vn.errors import InputError
from vn.llm.flex import BLOCK, Blocks, Flex
from vn.llm.kernels import Heads, kernel
from vn.llm.parts import Parts
from vn.llm.trees import Branch, Tree

HEADS = Heads(queries=4, keys=2, width=8, dropout=0.0)
LINES = [
    (Tree(0, 128),),
    (Tree(0, 129),),
    (Tree(0, 256, (Branch(256, 384, 128), Branch(384, 512, 256))),),  # all blocks are whole, or empty, or diagonal
    (Tree(0, 300, (Branch(300, 420, 190), Branch(420, 424, 300), Branch(424, 700, 0))), Tree(700, 1000)),
    (Tree(0, 1), Tree(1, 900, (Branch(900, 1100, 650),)), Tree(1100, 1101)),
]


def sets(counts, indices):
    """Per row, the blocks that are listed."""
    return [frozenset(row[:count].tolist()) for count, row in zip(counts[0, 0], indices[0, 0], strict=True)]


def assert_same_blocks(trees):
    ours = Blocks.of(trees).mask()
    length = trees[-1].parts[-1].end
    theirs = create_block_mask(ours.mask_mod, 1, None, length, length, "cpu", BLOCK)
    assert ours.shape == theirs.shape
    assert ours.BLOCK_SIZE == theirs.BLOCK_SIZE
    for of in ("kv", "full_kv", "q", "full_q"):
        found, expected = (
            sets(getattr(mask, f"{of}_num_blocks"), getattr(mask, f"{of}_indices")) for mask in (ours, theirs)
        )
        assert found == expected, of
        for name in (f"{of}_num_blocks", f"{of}_indices"):
            assert getattr(ours, name).dtype == getattr(theirs, name).dtype
            assert getattr(ours, name).shape == getattr(theirs, name).shape


@pytest.mark.parametrize("trees", LINES, ids=lambda trees: str(trees[-1].parts[-1].end))
def test_blocks_by_hand_are_those_of_torch(trees):
    assert_same_blocks(trees)


@given(lines(longest=200))
@settings(max_examples=25)
def test_blocks_of_random_lines_are_those_of_torch(trees):
    assert_same_blocks(trees)


@given(lines())
@settings(max_examples=60)
def test_the_mask_function_is_the_dense_mask(trees):
    mask = Blocks.of(trees).mask()
    length = trees[-1].parts[-1].end
    assert mask.shape[-2:] == (length, length)
    torch.testing.assert_close(create_mask(mask.mask_mod, 1, 1, length, length, "cpu")[0, 0], dense(trees))


@pytest.mark.parametrize("trees", LINES[:4], ids=lambda trees: str(trees[-1].parts[-1].end))
@torch.no_grad()
def test_forward_on_the_cpu_equals_part_by_part(trees):
    """The eager forward pass only: FlexAttention has no backward pass on the CPU."""
    q, k, v = (x.detach() for x in heads(trees))
    made = pickle.loads(pickle.dumps(Blocks.of(trees)))  # as workers send it
    flex = kernel(trees, made, "flex", HEADS, q)
    assert isinstance(flex, Flex)
    found, expected = (each.attend(q, k, v, 0.0, None) for each in (flex, Parts(trees)))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_training_on_the_cpu_is_refused():
    with pytest.raises(InputError, match=r"model\.attention: flex trains on CUDA only; use sdpa"):
        kernel([Tree(0, 4)], None, "flex", HEADS, torch.zeros(1, 4, 8))


def test_blocks_that_nobody_sees_are_skipped():
    """Two videos of ten blocks each: at most the causal half of each is computed, and nothing between them."""
    assert Blocks.of([Tree(0, 1280), Tree(1280, 2560)]).mask().sparsity() > 70  # per cent
