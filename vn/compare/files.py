"""The comparison as ``compare.csv``, ``.md`` and ``.tex``: every number for programs, tables for texts."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from vn.compare.names import COSTS, percent, shown
from vn.compare.study import Number, Study
from vn.compare.tables import Cell, Table

HEAD = (
    *("setting", "variant", "metric", "mean", "deviation", "low", "high", "seeds", "difference", "difference_low"),
    *("difference_high", "p_holm", "counts", "tokenisation", "computation", "why"),
)


def csv_text(study: Study) -> str:
    """A line a setting, variant and metric; scores on the raw scale, all digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    for setting in study.settings:
        for variant, own in study.numbers[setting].items():
            for metric, n in own.items():
                d = study.deltas[setting].get(variant, {}).get(metric)
                row: list[object] = [setting, variant, metric]
                if isinstance(n, Number):
                    row += [n.mean, n.deviation, n.low, n.high, " ".join(map(str, n.seeds))]
                else:
                    row += [None] * 5
                row += [d.value, d.low, d.high, d.p_value, d.counts] if d else [None] * 5
                row += [n.how.get("tokenisation"), n.how.get("variant")] if isinstance(n, Number) else [None, None]
                row.append(n if isinstance(n, str) else d.why if d else "")
                writer.writerow(["" if value is None else value for value in map(_unformula, row)])
    return out.getvalue()


def _unformula(value: object) -> object:
    """Spreadsheets run a text that begins so."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def markdown(study: Study, tables: Sequence[Table], title: str) -> str:
    """Scores, differences and the paper's tables, as GitHub reads them."""
    lines = [f"# {_md(title)}", ""]
    for setting in study.settings:
        own = study.numbers[setting]
        names = study.metrics(setting)
        lines += [f"## Storyline {setting}", "", "Means over seeds, x100.", ""]
        costs = [(name, *COSTS[name]) for name in COSTS if any(name in run.cost for run in study.runs)]
        lines += _md_head(["variant", "seeds", *(shown(m).title for m in names), *(label for _, label, _, _ in costs)])
        for variant in study.variants:
            if variant.name not in own:
                continue
            numbers = [own[variant.name].get(m) for m in names]
            cells = [percent(n.mean) if isinstance(n, Number) else "–" for n in numbers]
            found = [next((r.cost[c] for r in variant.runs if c in r.cost), None) for c, _, _, _ in costs]
            cells += [
                "–" if v is None else f"{v * scale:.{digits}f}"
                for v, (_, _, scale, digits) in zip(found, costs, strict=True)
            ]
            lines.append(f"| {_md(variant.name)} | {len(variant.runs)} | {' | '.join(cells)} |")
        for metric in names:
            rows = [(name, d[metric]) for name, d in study.deltas[setting].items() if metric in d]
            if not rows:
                continue
            lines += ["", f"### {shown(metric).title}: minus {_md(study.baseline.name)} (x100)", ""]
            lines += _md_head(["variant", "difference", "95 % interval", "by seed", "p (Holm)", "counts"])
            for name, d in rows:
                if d.value is None:
                    lines.append(f"| {_md(name)} | – | {_md(d.why)} | | | |")
                    continue
                seeds = " ".join(percent(s, sign=True) for s in d.seeds)
                span = f"{percent(d.low, True)} to {percent(d.high, True)}" if d.low is not None else _md(d.why)
                p = "" if d.p_value is None else f"{d.p_value:.4f}"
                sure = "yes" if d.counts else "no"
                lines.append(f"| {_md(name)} | {percent(d.value, True)} | {span} | {seeds} | {p} | {sure} |")
        lines.append("")
    for table in tables:
        lines += [f"## {table.number}: {_md(table.title)}", ""]
        lines += _md_head(["system", *(short for _, short, _ in table.columns)])
        for row in table.rows:
            name = f"{_md(row.name)} (paper: {_md(row.paper_name)})" if row.paper_name else _md(row.name)
            lines.append(f"| {name} | {' | '.join(_md_cell(c, row.ours, table.digits) for c in row.cells)} |")
        lines.append("")
        if table.note:
            lines += [_md(table.note), ""]
        if table.reasons:
            lines += ["The paper's numbers stand in brackets: ours are not comparable with them.", ""]
            lines += [*(f"- {_md(reason)}" for reason in table.reasons), ""]
    if study.left_out:
        lines += ["## Left out", "", *_md_head(["run", "state", "why"])]
        lines += [f"| {_md(r.name)} | {r.state} | {_md(r.reason)} |" for r in study.left_out]
    return "\n".join(lines).rstrip() + "\n"


def _md_head(names: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|---|{'---:|' * (len(names) - 1)}"]


def _md_cell(cell: Cell, ours: bool, digits: int) -> str:
    printed = "" if cell.paper is None else f"{cell.paper:.{digits}f}"
    if not ours:
        return printed or "–"
    own = percent(cell.ours.mean) if cell.ours else "–"
    apart = cell.reasons or not cell.ours
    return f"{own} ({printed})" if printed and apart else f"{own} / {printed}" if printed else own


def _md(text: str) -> str:
    """Text in a cell: no markup, no new column."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]|<>#~" else c for c in text)
    return " ".join(escaped.split())


# -- LaTeX ------------------------------------------------------------------------------------------------------------

_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "–": "--",
    **{c: f"\\{c}" for c in "&%$#_{}"},
}


UP, DOWN = r"$\uparrow$", r"$\downarrow$"


def tex(text: str) -> str:
    """Text as LaTeX prints it.

    >>> tex("50 % & no_memory")
    '50 \\\\% \\\\& no\\\\_memory'
    """
    return "".join(_TEX.get(c, c) for c in " ".join(text.split()))


def latex(tables: Sequence[Table]) -> str:
    """The paper's tables with our rows; needs booktabs, and xcolor for the grey of what is not comparable."""
    parts = [r"% \usepackage{booktabs,xcolor}"]
    for table in tables:
        heads = " & ".join(f"{tex(short)} {UP if higher else DOWN}" for _, short, higher in table.columns)
        body: list[str] = []
        for row in table.rows:
            if row.ours and not any("midrule" in line for line in body):
                body.append(r"\midrule")
            body.append(f"{tex(row.name)} & {' & '.join(_tex_cell(c, row.ours, table) for c in row.cells)} \\\\")
        caption = f"{table.number} of the paper with our numbers; in brackets the paper's"
        caption += ", in grey where not comparable" if table.reasons else ""
        if table.note:
            caption = f"{table.number} of the paper. {table.note}".rstrip(".")
        parts += [
            r"\begin{table}",
            rf"\caption{{{tex(table.title)}. {tex(caption)}.}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            rf" & {heads} \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    return "\n".join(parts) + "\n"


def _tex_cell(cell: Cell, ours: bool, table: Table) -> str:
    printed = "" if cell.paper is None else f"{cell.paper:.{table.digits}f}"
    if not ours:
        return rf"\textcolor{{gray}}{{{printed or '--'}}}" if table.reasons else printed or "--"
    own = tex(percent(cell.ours.mean)) if cell.ours else "--"
    if cell.best:
        own = rf"\textbf{{{own}}}"
    if not printed:
        return own
    beside = rf"({printed})"
    return f"{own} " + (rf"\textcolor{{gray}}{{{beside}}}" if cell.reasons or not cell.ours else beside)
