"""One table: our runs beside the paper's rows, for the terminal, JSON, CSV and LaTeX.

A number of ours is comparable if stories, tokenisation, variant and models are the paper's; else it is shown only for
orientation, marked by a tilde, with the reason below.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vn.errors import InputError
from vn.score.paper import PaperTable, differences
from vn.score.printed_rows import Printed

ORIENTATION = "~"
RELEASED = "_released"
DEFINITION = "the definition, the paper's is the released computation"


@dataclass(frozen=True)
class Cell:
    """A number times 100 (people's ratings: as they are).

    Attributes:
        value: the number; None if there is none.
        interval: the 95 % interval, if the number is ours.
        why: why it is only for orientation; empty if it is comparable.
        digits: digits after the point.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    why: tuple[str, ...] = ()
    digits: int = 1

    @property
    def number(self) -> str:
        """The number without a mark."""
        return "-" if self.value is None else f"{self.value:.{self.digits}f}"

    @property
    def text(self) -> str:
        """The number as it is printed, marked if it is for orientation only."""
        return f"{ORIENTATION if self.why and self.value is not None else ''}{self.number}"


Line = tuple[str, bool, Mapping[str, Cell]]
"""A row: the system, whether it is ours, and its cells by metric."""


@dataclass(frozen=True)
class SideBySide:
    """Our runs beside a table of the paper.

    Attributes:
        title: title of the paper's table.
        columns: metric -> heading.
        rows: (system, whether it is ours, its cells by metric): the paper's, each followed by ours measured for it;
            then our others.
        note: what the numbers are, if they are not a metric of ours.
    """

    title: str
    columns: Mapping[str, str]
    rows: tuple[Line, ...]
    note: str = ""

    @property
    def remarks(self) -> list[str]:
        """Why numbers are only for orientation: one line per reason, with the columns it concerns."""
        reasons: dict[str, list[str]] = {}
        for _, _, cells in self.rows:
            for metric, cell in cells.items():
                for why in cell.why:
                    heads = reasons.setdefault(why, [])
                    if self.columns[metric] not in heads:
                        heads.append(self.columns[metric])
        return [f"{', '.join(heads)}: {why}" for why, heads in reasons.items()]


def side_by_side(
    table: PaperTable,
    runs: Mapping[str, Mapping[str, Mapping[str, Any]]],
    corpus: str | None = None,
    printed: Mapping[str, Printed | None] | None = None,
) -> SideBySide:
    """Put runs beside a table of the paper.

    Args:
        table: a table of the paper.
        runs: name -> metric -> entry, in the table's setting, as in ``scores.json``.
        corpus: the corpus of the paper whose test split was scored; None if unknown.
        printed: name -> the printed row that the run is measured for, if there is one.
    """
    below: dict[str | None, list[Line]] = {}
    for name, scores in runs.items():
        beside = (printed or {}).get(name)
        cells = {}
        for column in table.columns:
            entry = scores.get(column.metric) or {}
            why: list[str] = []
            if entry.get("value") is None and column.metric.endswith(RELEASED):
                entry = scores.get(column.metric.removesuffix(RELEASED)) or {}
                why = [DEFINITION]
            if entry.get("value") is None:
                cells[column.metric] = Cell(None)
                continue
            why += [*differences(entry, column, table, corpus), *(beside.reasons if beside else ())]
            ends = entry.get("interval")
            cells[column.metric] = Cell(
                100 * entry["value"], (100 * ends[0], 100 * ends[1]) if ends else None, tuple(why)
            )
        below.setdefault(beside.system if beside else None, []).append((name, True, cells))
    rows: list[Line] = []
    for system, values in table.rows.items():
        rows.append((system, False, {c.metric: Cell(values.get(c.metric), digits=table.digits) for c in table.columns}))
        rows += below.get(system, [])
    rows += below.get(None, [])
    return SideBySide(table.title, {c.metric: c.short for c in table.columns}, tuple(rows), table.note)


def render(tables: list[SideBySide], form: str) -> str:
    """The tables as a file's content.

    Args:
        tables: one or several.
        form: ``json``, ``csv`` or ``tex``.

    Raises:
        InputError: another form.
    """
    forms = {"json": _json, "csv": _csv, "tex": _latex}
    if form not in forms:
        raise InputError(f"a table is written as {', '.join(forms)}, not as {form!r}")
    return forms[form](tables)


def _json(tables: list[SideBySide]) -> str:
    content = [
        {
            "title": table.title,
            "columns": dict(table.columns),
            "rows": [
                {
                    "system": system,
                    "ours": ours,
                    "cells": {
                        metric: {
                            "value": cell.value,
                            "interval": list(cell.interval) if cell.interval else None,
                            "comparable": cell.value is not None and not cell.why,
                            "why": list(cell.why),
                        }
                        for metric, cell in cells.items()
                    },
                }
                for system, ours, cells in table.rows
            ],
            "remarks": table.remarks,
            "note": table.note,
        }
        for table in tables
    ]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(tables: list[SideBySide]) -> str:
    """One line per number, so that tables with different columns share one file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["table", "system", "ours", "metric", "value", "low", "high", "comparable", "why"])
    for table in tables:
        for system, ours, cells in table.rows:
            for metric, cell in cells.items():
                if cell.value is not None:
                    low, high = (f"{end:.4f}" for end in cell.interval) if cell.interval else ("", "")
                    marks = ["no" if cell.why else "yes", "; ".join(cell.why)]
                    # A name that a spreadsheet would take for a formula is written as text.
                    safe = f"'{system}" if system[:1] in "=+-@" else system
                    writer.writerow(
                        [table.title, safe, "yes" if ours else "no", metric, f"{cell.value:.4f}", low, high, *marks]
                    )
    return out.getvalue()


_LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\^{}"}


def _latex(tables: list[SideBySide]) -> str:
    """One booktabs table each; numbers for orientation are in italics."""

    def escaped(text: str) -> str:
        return "".join(_LATEX.get(c, c) for c in text)

    lines = ["% needs \\usepackage{booktabs}"]
    for table in tables:
        lines += [
            "\\begin{table}",
            f"\\caption{{{escaped(table.title)}. {escaped(table.note or 'Italics: only for orientation.')}}}",
            f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            "\\toprule",
            " & ".join(["System", *map(escaped, table.columns.values())]) + r" \\",
            "\\midrule",
        ]
        for system, ours, cells in table.rows:
            numbers = [
                "--" if cell.value is None else (f"\\textit{{{cell.number}}}" if cell.why else cell.number)
                for cell in cells.values()
            ]
            name = rf"\quad ours: {escaped(system)}" if ours else escaped(system)
            lines.append(" & ".join([name, *numbers]) + r" \\")
        lines += ["\\bottomrule", "\\end{tabular}"]
        lines += [f"% {remark}".replace("\n", " ") for remark in table.remarks]
        lines += ["\\end{table}", ""]
    return "\n".join(lines)
