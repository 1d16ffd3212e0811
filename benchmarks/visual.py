"""Compression and memory consolidation, compared with plain algorithms that compare all pairs at every step.

    python benchmarks/visual.py

Both are given the token means, [F, 768] float64, with similar neighbours as in a video; the memory is reduced to one
frame and compression removes about half. Times are the best of three, in one process and one thread.
"""

import itertools
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from vn.visual.compression import compress
from vn.visual.memory import consolidate


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The similarity of two frames."""
    return float(a @ b) / float(np.sqrt(a @ a) * np.sqrt(b @ b))


def plain_merge(means: np.ndarray, length: int) -> np.ndarray:
    """The paper's footnote 4 as it stands: evaluate every adjacent pair, merge the best, again."""
    rows = np.eye(len(means))
    means = means.copy()
    while len(means) > length:
        similarities = [cosine(a, b) for a, b in itertools.pairwise(means)]
        best = int(np.argmax(similarities))
        for array in (means, rows):
            array[best] = (array[best] + array[best + 1]) / 2
        means, rows = np.delete(means, best + 1, 0), np.delete(rows, best + 1, 0)
    return rows


def plain_keep(means: np.ndarray, threshold: float) -> list[int]:
    """Remove the later frame of the most similar pair, all similarities anew each time."""
    kept = list(range(len(means)))
    while len(kept) > 1:
        similarities = [cosine(means[a], means[b]) for a, b in itertools.pairwise(kept)]
        best = int(np.argmax(similarities))
        if similarities[best] < threshold:
            break
        del kept[best + 1]
    return kept


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """The best of so many runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    print("|    F | consolidate ms | plain ms | ratio | compress ms | plain ms | ratio |")
    print("|-----:|---------------:|---------:|------:|------------:|---------:|------:|")
    for count in (50, 100, 200, 400, 800, 1600):
        means = random.normal(size=(count, 768)).cumsum(0)
        similarities = [cosine(a, b) for a, b in itertools.pairwise(means)]
        threshold = float(np.median(similarities))
        np.testing.assert_allclose(consolidate(means, 1), plain_merge(means, 1), rtol=1e-5)
        assert compress(means, threshold) == plain_keep(means, threshold)
        times = 3 if count <= 400 else 1
        row = [
            seconds(lambda m=means: consolidate(m, 1)),
            seconds(lambda m=means: plain_merge(m, 1), times),
            seconds(lambda m=means, t=threshold: compress(m, t)),
            seconds(lambda m=means, t=threshold: plain_keep(m, t), times),
        ]
        ms = [1000 * r for r in row]
        print(
            f"| {count:4} | {ms[0]:14.1f} | {ms[1]:8.0f} | {ms[1] / ms[0]:4.0f}x |"
            f" {ms[2]:11.1f} | {ms[3]:8.0f} | {ms[3] / ms[2]:4.0f}x |"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
