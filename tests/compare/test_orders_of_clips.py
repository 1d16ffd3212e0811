"""The section on the order of clips: means over a variant's runs, and differences paired over videos."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from vn.compare.orders import markdown_lines, orders_of
from vn.metrics.ordering import kendall_tau
from vn.ordered import Ordered, Result, write_result


def videos(seed, count=12):
    rng = np.random.default_rng(seed)
    sizes = [3 + n % 4 for n in range(count)]
    return tuple(
        Ordered(f"v{n}", tuple(range(size)), tuple(rng.permutation(size).tolist())) for n, size in enumerate(sizes)
    )


@pytest.fixture
def variant(tmp_path):
    """Three runs that were tested by two methods."""
    runs = []
    for seed in range(3):
        folder = tmp_path / f"run{seed}"
        folder.mkdir()
        for number, method in enumerate(("transitions", "likelihood")):
            write_result(folder, Result(method, "given", {"seed": 0}, videos(10 * seed + number), {}))
        runs.append(SimpleNamespace(folder=folder))
    return SimpleNamespace(name="full", runs=tuple(runs))


def taus(number):
    """``[3, 12]``: by run and video."""
    return np.array([[kendall_tau(each.found) for each in videos(10 * seed + number)] for seed in range(3)])


def test_values_are_means_over_runs_and_the_difference_is_paired(variant):
    orders = orders_of([variant])
    one, other = orders.rows
    assert (one.method, one.runs, one.videos) == ("transitions, texts given", 3, 12)
    assert one.values["tau"][0] == pytest.approx(taus(0).mean())
    assert other.values["tau"][0] == pytest.approx(taus(1).mean())
    (line,) = orders.lines
    gained = taus(1).mean(axis=0) - taus(0).mean(axis=0)
    assert f"tau of likelihood minus transitions {gained.mean():+.3f}" in line
    drawn = gained[np.random.default_rng(1).integers(0, 12, (20_000, 12))].mean(axis=1)
    low, high = (float(word) for word in line.partition("over videos ")[2].partition(",")[0].split(" to "))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.04)
    assert "| full | likelihood, texts given | 3 | 12 |" in "\n".join(markdown_lines(orders))


def test_a_run_on_other_videos_and_copies_of_results_do_not_count(variant):
    write_result(variant.runs[2].folder, Result("likelihood", "given", {"seed": 0}, videos(21, 5), {}))
    file = variant.runs[0].folder / "order.likelihood.given.json"
    shutil.copy(file, file.with_name("order.likelihood.given.old.json"))
    row = orders_of([variant]).rows[1]
    assert (row.runs, row.videos) == (2, 12)
    assert row.values["tau"][0] == pytest.approx(taus(1)[:2].mean())
