"""`consolidate` compared with the paper's footnote 4, step by step."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plans_alone import cosine

from vn.visual.memory import consolidate


def plain_consolidate(frames: torch.Tensor, length: int) -> torch.Tensor:
    """O(F^2): evaluate every adjacent pair, average the most similar, again."""
    grids = list(frames.double())
    while len(grids) > length:
        means = [g.mean(dim=0).numpy() for g in grids]
        similarities = [cosine(a, b) for a, b in itertools.pairwise(means)]
        best = int(np.argmax(similarities))
        grids[best : best + 2] = [(grids[best] + grids[best + 1]) / 2]
    return torch.stack(grids)


def memory_of(frames: torch.Tensor, length: int) -> torch.Tensor:
    """The memory ``[M, T, D]`` of frames ``[F, T, D]``, as the narrator computes it."""
    weights = consolidate(frames.double().mean(dim=1).numpy(), length)
    return torch.einsum("mf,ftd->mtd", torch.from_numpy(weights).double(), frames.double())


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 8))
@settings(deadline=None, max_examples=100)
def test_equals_the_plain_algorithm_on_random_inputs(seed, count, length):
    frames = torch.randn(count, 4, 8, generator=torch.Generator().manual_seed(seed)).cumsum(0)
    memory = memory_of(frames, length)
    assert memory.shape == (min(count, length), 4, 8)
    torch.testing.assert_close(memory, plain_consolidate(frames, length), rtol=1e-4, atol=1e-4)


# Powers of two stay exact under averaging, so equal similarities are equal to the last bit in both programs.
tied = st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=2, max_size=2), min_size=1, max_size=16)


@given(tied, st.integers(1, 4))
@settings(deadline=None, max_examples=200)
def test_equals_the_plain_algorithm_on_tied_inputs(values, length):
    frames = torch.tensor(values, dtype=torch.float64)[:, None]
    torch.testing.assert_close(memory_of(frames, length), plain_consolidate(frames, length), rtol=0, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 8))
@settings(deadline=None, max_examples=50)
def test_weights_are_convex_combinations_of_consecutive_frames(seed, count, length):
    means = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    weights = torch.from_numpy(consolidate(means.numpy(), length))
    assert weights.shape == (min(count, length), count)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(weights)))
    owners = (weights > 0).float().argmax(dim=0)
    assert ((weights > 0).sum(dim=0) == 1).all()
    assert (owners.diff() >= 0).all()


def test_an_average_is_unweighted_whatever_each_side_has_absorbed():
    frames = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])[:, None]
    assert consolidate(frames.mean(dim=1).numpy(), 1).tolist() == [[0.25, 0.25, 0.5]]


def test_the_earliest_of_equal_pairs_merges_first():
    means = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert consolidate(means.numpy(), 2).tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]


def test_a_memory_of_no_frame_is_refused():
    with pytest.raises(ValueError, match="at least one frame"):
        consolidate(np.ones((2, 1)), 0)
