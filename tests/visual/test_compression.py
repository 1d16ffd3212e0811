"""`compress` compared with the plain algorithm that compares all pairs at every removal."""

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plans_alone import cosine

from vn.visual.compression import compress


def plain_compress(frames: torch.Tensor, threshold: float | None) -> list[int]:
    """O(F^2): all similarities anew at each removal."""
    means = frames.double().mean(dim=1).numpy()
    kept = list(range(len(means)))
    while threshold is not None and len(kept) > 1:
        similarities = [cosine(means[a], means[b]) for a, b in itertools.pairwise(kept)]
        best = int(np.argmax(similarities))  # the first of equals
        if similarities[best] < threshold:
            break
        del kept[best + 1]
    return kept


def kept_of(frames: torch.Tensor, threshold: float | None) -> list[int]:
    """`compress` on frames ``[F, T, D]``."""
    return compress(frames.double().mean(dim=1).numpy(), threshold)


# Few distinct values make many exact ties.
tied = st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3), min_size=1, max_size=24)


@given(tied, st.sampled_from([-1.0, 0.0, 0.5, 0.9, 1.0]))
@settings(deadline=None, max_examples=200)
def test_equals_the_plain_algorithm_on_tied_inputs(values, threshold):
    frames = torch.tensor(values, dtype=torch.float32)[:, None]
    assert kept_of(frames, threshold) == plain_compress(frames, threshold)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(-0.2, 1.0))
@settings(deadline=None, max_examples=100)
def test_equals_the_plain_algorithm_on_random_inputs(seed, count, threshold):
    random = torch.Generator().manual_seed(seed)
    frames = torch.randn(count, 4, 8, generator=random).cumsum(0)  # neighbours resemble each other
    kept = kept_of(frames, threshold)
    assert kept == plain_compress(frames, threshold)
    means = frames.double().mean(dim=1).numpy()
    assert all(cosine(means[a], means[b]) < threshold for a, b in itertools.pairwise(kept))
    assert kept[0] == 0


def test_the_later_frame_of_the_most_similar_pair_goes_and_the_kept_one_meets_its_neighbour():
    frames = torch.tensor([[1.0, 0.0], [1.0, 0.3], [1.0, 0.31], [0.0, 1.0]])[:, None]
    assert kept_of(frames, 0.99) == [0, 1, 3]
    assert kept_of(frames, 0.95) == [0, 3]


def test_no_threshold_keeps_every_frame_and_one_frame_stays():
    frames = torch.ones(5, 2, 3)
    assert kept_of(frames, None) == [0, 1, 2, 3, 4]
    assert kept_of(frames, 0.9) == [0]
    assert kept_of(torch.ones(1, 2, 3), 0.0) == [0]


def test_similarity_exactly_at_the_threshold_is_removed():
    frames = torch.tensor([[1.0, 0.0], [1.0, 0.0]])[:, None]
    assert kept_of(frames, 1.0) == [0]


def test_frames_of_zeros_resemble_nothing():
    assert kept_of(torch.zeros(3, 2, 4), 0.5) == [0, 1, 2]
