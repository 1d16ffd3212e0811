"""What ``vn rate merge`` prints: systems, differences, agreement, and raters who are missing or off."""

from __future__ import annotations

import sys
from typing import Any

from vn.metrics.bootstrap import Estimate
from vn.rate.agreement import ICC
from vn.rate.evaluation import ALL, Evaluation
from vn.rate.key import Key
from vn.rate.means import COLUMNS, GEOMETRIC_OF_RATINGS
from vn.rate.ratings import CRITERIA

WIDE = 160  # characters
HEADS = {"geometric_mean": "GM", GEOMETRIC_OF_RATINGS: "GM of ratings"}
NAMES = {
    "pearson": "mean pairwise Pearson",
    "alpha_ordinal": "Krippendorff's alpha, ordinal",
    "alpha_interval": "Krippendorff's alpha, interval",
    **{name: name for name in ICC},
}


def print_evaluation(found: Evaluation, key: Key) -> None:
    """Print everything."""
    from rich.console import Console

    console, ratings = Console(), found.ratings
    if not console.is_terminal:  # no column is cut in a file or another program
        console = Console(width=max(WIDE, console.width))
    shape = f"{len(ratings.stories)} stories, {len(ratings.systems)} systems, {len(ratings.raters)} raters"
    table = _table(f"{shape}, storyline {key.setting}: means from 0 to 3, with 95 % intervals over stories", "system")
    for column in (*COLUMNS, GEOMETRIC_OF_RATINGS):
        table.add_column(HEADS.get(column, column), justify="right", overflow="fold")
    for system, own in found.means.items():
        table.add_row(_safe(system), *(_with_ends(own[column]) for column in (*COLUMNS, GEOMETRIC_OF_RATINGS)))
    console.print(table)
    if found.differences:
        table = _table("differences, paired over stories; p after Holm's correction over the pairs", "second - first")
        for head in ("column", "difference", "95 % interval", "p"):
            table.add_column(head, justify="left" if head == "column" else "right")
        for d in found.differences:
            ends = "" if d.low is None else f"{d.low:+.2f} .. {d.high:+.2f}"
            p = "" if d.p_value is None else f"{d.p_value:.3f}"
            name = f"{_safe(d.second)} - {_safe(d.first)}"
            table.add_row(name, HEADS.get(d.column, d.column), f"{d.value:+.2f}", ends, p)
        console.print(table)
    table = _table("agreement between raters, with 95 % intervals over stories (the paper's Pearson: 0.55)", "measure")
    for name in (ALL, *CRITERIA):
        table.add_column(name, justify="right", overflow="fold")
    for measure, title in NAMES.items():
        table.add_row(title, *(_with_ends(found.agreement[name][measure]) for name in (ALL, *CRITERIA)))
    console.print(table)
    for line in remarks(found):
        print(line, file=sys.stderr)


def remarks(found: Evaluation) -> list[str]:
    """Raters who are missing, left out, not done or off, one sentence each."""
    count = len(found.missing) + len(found.raters)
    lines = []
    if found.missing:
        lines.append(f"no file from {len(found.missing)} of {count} raters: {', '.join(found.missing)}")
    if found.left_out:
        lines.append(f"left out: rater {', '.join(found.left_out)}")
    for rater in found.raters:
        if rater.open:
            lines.append(f"rater {rater.name} left {rater.open} of {rater.ratings + rater.open} ratings open")
        kept = "left out" if rater.name in found.left_out else f"counted; --leave-out {rater.name} leaves it out"
        lines += [f"rater {rater.name} is off: {why} ({kept})" for why in rater.why]
    if found.agreement[ALL]["pearson"].value is None:
        lines.append("agreement: fewer than two raters whose ratings vary")
    if found.agreement[ALL][ICC[0]].value is None:
        lines.append("ICC: there are not two units that every rater has rated, or nothing varies")
    return lines


def _table(title: str, first: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left")
    table.add_column(first, no_wrap=True)
    return table


def _with_ends(value: Estimate) -> str:
    if value.value is None:
        return "–"
    return f"{value.value:.2f}" + ("" if value.low is None else f" ({value.low:.2f}..{value.high:.2f})")


def _safe(name: str) -> str:
    from rich.markup import escape

    return escape(name)
