"""The section on the order of clips: what ``vn order`` has written into the run folders that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vn.compare.variant import Variant
from vn.metrics.bootstrap import interval
from vn.metrics.ordering import ORDERING, finish_of, ordering_sums
from vn.ordered import Result, read_results, tau_difference

FIRST, SECOND = "transitions", "likelihood"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """A method in a variant: means over its runs.

    Attributes:
        variant: the variant.
        method: the method, and whether texts were given or predicted.
        runs: number of runs.
        videos: number of videos.
        values: metric -> value, and its 95 % interval over videos or None.
    """

    variant: str
    method: str
    runs: int
    videos: int
    values: dict[str, tuple[float, tuple[float, float] | None]]


@dataclass(frozen=True, slots=True)
class Orders:
    """The section; it is left out if there are no rows.

    Attributes:
        rows: the methods of each variant.
        lines: differences in tau of likelihood and transitions, in words.
    """

    rows: tuple[OrderRow, ...] = ()
    lines: tuple[str, ...] = ()


def orders_of(variants: Sequence[Variant]) -> Orders:
    """Read what the runs of variants have.

    Raises:
        InputError: a file is damaged.
    """
    rows, lines = [], []
    for variant in variants:
        every: dict[tuple[str, str], list[Result]] = {}
        for run in variant.runs:
            for result in read_results(run.folder):
                every.setdefault((result.texts, result.method), []).append(result)
        found = {key: _alike(results) for key, results in every.items()}
        for (texts, method), results in found.items():
            sums = np.mean([ordering_sums([each.found for each in own.videos]) for own in results], axis=0)
            values = {
                metric: (float(finish_of(metric)(sums.sum(axis=0))), interval(sums, finish_of(metric)))
                for metric in ORDERING
            }
            rows.append(OrderRow(variant.name, f"{method}, texts {texts}", len(results), len(sums), values))
        for texts in dict.fromkeys(texts for texts, _ in found):
            pair = [found.get((texts, method)) for method in (FIRST, SECOND)]
            if pair[0] and pair[1]:
                d = tau_difference(*([own.videos for own in results] for results in pair if results))
                if d is not None:
                    lines.append(
                        f"{variant.name}, texts {texts}: tau of {SECOND} minus {FIRST} {d.value:+.3f}, 95 % interval "
                        f"over videos {d.low:+.3f} to {d.high:+.3f}, p = {d.p_value:.3f}"
                    )
    return Orders(tuple(rows), tuple(lines))


def _alike(results: Sequence[Result]) -> list[Result]:
    """Those that were tested on the same videos as the first one."""
    keys = [each.id for each in results[0].videos]
    return [each for each in results if [video.id for video in each.videos] == keys]


def shown(row: OrderRow, metric: str) -> str:
    """A number with its interval, as files and the page print it."""
    value, ends = row.values[metric]
    scale = 1 if metric == "tau" else 100
    digits = 3 if metric == "tau" else 1
    text = f"{scale * value:.{digits}f}"
    return text if ends is None else f"{text} [{scale * ends[0]:.{digits}f}, {scale * ends[1]:.{digits}f}]"


HEADS = {
    "tau": "Kendall's tau",
    "exact": "exact (%)",
    "first": "first right (%)",
    "last": "last right (%)",
    "pairs": "pairs right (%)",
}


def markdown_lines(orders: Orders) -> list[str]:
    """The section in GitHub's Markdown; empty without rows."""
    if not orders.rows:
        return []
    lines = ["## Order of clips", "", f"| variant | method | runs | videos | {' | '.join(HEADS.values())} |"]
    lines.append("|---" * (4 + len(HEADS)) + "|")
    for row in orders.rows:
        name = row.variant.replace("|", "\\|")
        cells = " | ".join(shown(row, metric) for metric in HEADS)
        lines.append(f"| {name} | {row.method} | {row.runs} | {row.videos} | {cells} |")
    return [*lines, "", *(f"- {line}" for line in orders.lines), ""]
