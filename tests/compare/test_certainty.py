"""Studies of stored predictions: arms that differ in noise only seldom count, twice the noise mostly does."""

import sys
from pathlib import Path

import numpy as np
import pytest
from finished_runs import make_stories, write_run

from vn.compare.number import Delta
from vn.compare.runs import find_runs
from vn.score.measures import measure

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from certainty import SEEDS, compared

PAIRS = 20
EFFECT = 0.2  # more narrations spoiled: twice the largest difference that noise alone makes, which is asserted


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    """CIDEr of 12 runs of one method, each with a share of its narrations spoiled, and of 9 runs of a worse one."""
    folder, stories = tmp_path_factory.mktemp("runs"), make_stories(60, clips=6)
    random = np.random.default_rng(4)
    found = []
    for ablation, count, spoiled in (("full", 12, 0.2), ("no_memory", 9, 0.2 + EFFECT)):
        for seed in range(count):
            share = spoiled + random.normal(0, 0.03)
            write_run(folder / ablation / f"seed{seed}", stories, ablation, seed, 0.5, spoiled=share)
        runs, _ = find_runs([folder / ablation])
        found.append([measure(run.tests["predicted"], names=("cider",))["cider"] for run in runs])
    return found


def pairs(pools, planted: bool, seed: int) -> list[Delta]:
    """Differences of two arms of three runs each, which have no run in common."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(PAIRS):
        at = random.permutation(len(pools[0]))
        first = [pools[0][i] for i in at[:SEEDS]]
        other = [pools[1][i] for i in random.permutation(len(pools[1]))[:SEEDS]]
        found.append(compared(first, other if planted else [pools[0][i] for i in at[SEEDS : 2 * SEEDS]]))
    return found


def test_noise_counts_in_one_pair_of_twenty_at_most_and_twice_the_noise_in_sixteen_at_least(pools):
    sets = [(pairs(pools, False, seed), pairs(pools, True, seed)) for seed in range(6)]
    noise = max(abs(d.value) for null, _ in sets for d in null)
    effect = -np.mean([d.value for _, planted in sets for d in planted])
    assert 1.8 * noise < effect < 2.2 * noise
    for null, planted in sets:
        assert sum(d.counts for d in null) <= 1
        assert sum(d.counts for d in planted) >= 16
