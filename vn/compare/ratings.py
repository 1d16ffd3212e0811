"""Table 6 of the paper with measured ratings beside the printed ones, from what ``vn rate merge`` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vn.compare.number import Number
from vn.compare.tables import Cell, Row, Table
from vn.errors import InputError, show
from vn.io.files import read_json

FORMAT = 1
HUMAN = "human"
COLUMNS = {
    "human_relevance": "relevance",
    "human_attractiveness": "attractiveness",
    "human_coherence": "coherence",
    "human_geometric_mean": "geometric_mean",
}
REASON = "other raters and other stories than the paper's"


@dataclass(frozen=True)
class HumanRatings:
    """What ``ratings.json`` has.

    Attributes:
        numbers: system -> metric of the paper's table -> mean rating, 0 to 3; a metric without ratings is not there.
        printed: system -> the paper's row that it was measured for (None: none), and how it differs from that.
        differences: (first, second, metric) -> second minus first, with ``low``, ``high`` and ``p_value``.
        note: how many stories and raters, and how well they agree.
    """

    numbers: Mapping[str, Mapping[str, Number]]
    printed: Mapping[str, tuple[str | None, tuple[str, ...]]]
    differences: Mapping[tuple[str, str, str], Mapping[str, Any]]
    note: str


def read_ratings(file: Path) -> HumanRatings:
    """Read what ``vn rate merge`` wrote.

    Raises:
        InputError: it is not such a file, or a value in it is not a rating.
    """
    data = read_json(file)
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("systems"), dict):
        raise InputError("is not a file that vn rate merge wrote", file=file)
    try:
        numbers = {
            system: {
                metric: _number(own[column], file, f"systems.{system}.{column}")
                for metric, column in COLUMNS.items()
                if own[column]["value"] is not None
            }
            for system, own in data["systems"].items()
        }
        metrics = {column: metric for metric, column in COLUMNS.items()}
        return HumanRatings(
            numbers,
            {
                system: (own["paper_row"], tuple(map(str, own["differences_from_paper"])))
                for system, own in data["systems"].items()
            },
            {(d["first"], d["second"], metrics[d["column"]]): d for d in data["differences"]},
            _note(data),
        )
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise InputError(f"is damaged: {show(str(error))}", file=file) from None


def with_ratings(tables: Sequence[Table], ratings: HumanRatings) -> list[Table]:
    """The tables with the measured rows in that of the human evaluation.

    Args:
        tables: from `vn.compare.tables.paper_tables`.
        ratings: from `read_ratings`.
    """
    return [_rated(table, ratings) if table.setting == HUMAN else table for table in tables]


def _rated(table: Table, ratings: HumanRatings) -> Table:
    best = {
        metric: max((own[metric].mean for own in ratings.numbers.values() if metric in own), default=None)
        for metric, _, _ in table.columns
    }
    below: dict[str | None, list[Row]] = {}
    for system, own in ratings.numbers.items():
        row, apart = ratings.printed[system]
        cells = []
        for metric, _, _ in table.columns:
            if metric not in own:
                cells.append(Cell(metric=metric, why="no ratings"))
                continue
            is_best = len(ratings.numbers) > 1 and own[metric].mean == best[metric]
            cells.append(Cell(own[metric], metric, None, (REASON, *apart), best=is_best))
        row = row if any(each.name == row for each in table.rows) else None
        below.setdefault(row, []).append(Row(system, row, True, tuple(cells)))
    rows = [each for printed in table.rows for each in (printed, *below.get(printed.name, []))]
    rows += below.get(None, [])
    reasons = dict.fromkeys(reason for row in rows for cell in row.cells for reason in cell.reasons)
    theirs = table.note.partition(": ")[2].partition(". GM is")[0]
    note = f"{ratings.note} The paper's: {theirs}. GM: of the criteria's unrounded means."
    return replace(table, rows=tuple(rows), reasons=tuple(reasons), note=note, scale=1.0)


def csv_rows(ratings: HumanRatings, baseline: str) -> list[list[object]]:
    """Lines of ``compare.csv``: each mean, 0 to 3, and its difference from the baseline if that was rated too.

    Args:
        ratings: from `read_ratings`.
        baseline: name of the variant that others are compared with.
    """
    rows: list[list[object]] = []
    for system, own in ratings.numbers.items():
        for metric, number in own.items():
            found = ratings.differences.get((baseline, system, metric))
            back = ratings.differences.get((system, baseline, metric))
            if found is not None:
                ends = [found["value"], found["low"], found["high"], found["p_value"]]
            elif back is not None:
                ends = [_minus(back[name]) for name in ("value", "high", "low")] + [back["p_value"]]
            else:
                ends = [None] * 4
            numbers = [number.mean, None, number.low, number.high, None]
            row = ratings.printed[system][0]
            rows.append([HUMAN, system, metric, *numbers, *ends, *[None] * 4, "ratings", *[None] * 4, row])
    return rows


def _number(entry: Mapping[str, Any], file: Path, field: str) -> Number:
    low, high = entry["interval"] or (None, None)
    for value in (entry["value"], low, high):
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 3
        if not is_number and not (value is None and low is None):
            raise InputError(f"expected a rating from 0 to 3, got {show(value)}", file=file, field=field)
    return Number((float(entry["value"]),), (), (), low, high, {})


def _note(data: Mapping[str, Any]) -> str:
    own = data["agreement"]["all"]
    agree = [
        f"{title} {own[name]['value']:.2f}"
        for name, title in (("pearson", "mean pairwise Pearson"), ("alpha_ordinal", "Krippendorff's alpha (ordinal)"))
        if own[name]["value"] is not None
    ]
    counts = f"{len(data['stories'])} stories, {len(data['raters'])} raters"
    return f"Ratings by people, from 0 to 3. Ours: {', '.join([counts, *agree])}."


def _minus(value: float | None) -> float | None:
    return None if value is None else -value
