"""The comparison as ``compare.csv``, ``.md`` and ``.tex``: every number for programs, tables for papers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from vn.compare.findings import Finding, Said, ranked, what_counts, what_counts_of_effects
from vn.compare.names import COSTS, percent, shown
from vn.compare.number import Delta, Number
from vn.compare.orders import markdown_lines
from vn.compare.rules import rules
from vn.compare.study import Study
from vn.compare.tables import Cell, Table
from vn.score.paper_table import ORIENTATION

HEAD = (
    *("setting", "variant", "metric", "mean", "deviation", "low", "high", "seeds", "difference", "difference_low"),
    *("difference_high", "p_holm", "counts", "tokenisation", "computation", "why"),
    *("kind", "verdict", "smallest", "rank", "about", "paper_row"),
)


def csv_text(study: Study, tables: Sequence[Table] = (), more: Iterable[Sequence[object]] = ()) -> str:
    """One line per setting, variant or main effect, and metric, then the paper's numbers; the raw scale, all digits.

    Args:
        study: what is compared.
        tables: the paper's tables, whose printed numbers are lines of the kind ``paper``.
        more: lines of other kinds, before those.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEAD)
    below = {(t.setting, row.name): row.paper_name for t in tables for row in t.rows if row.paper_name}
    for setting in study.settings:
        texts = {said.name: said.about for said in what_counts(study, setting)}
        rank = {(f.variant, f.metric): f.rank for f in ranked(study.deltas[setting])}
        for variant, own in study.numbers[setting].items():
            for metric, n in own.items():
                d = study.deltas[setting].get(variant, {}).get(metric)
                row: list[object] = [setting, variant, metric]
                if isinstance(n, Number):
                    row += [n.mean, n.deviation, n.low, n.high, " ".join(map(str, n.seeds))]
                else:
                    row += [None] * 5
                row += _csv_delta(d)
                row += [n.how.get("tokenisation"), n.how.get("variant")] if isinstance(n, Number) else [None, None]
                row += [n if isinstance(n, str) else d.why if d else "", "variant", d.verdict if d else None]
                row += [rules().smallest_of(metric), rank.get((variant, metric)), texts.get(variant)]
                row.append(below.get((setting, variant)))
                writer.writerow(["" if value is None else value for value in map(_unformula, row)])
        by_effect = {e.name: e.deltas for e in study.effects[setting]}
        texts = {said.name: said.about for said in what_counts_of_effects(study, setting)}
        rank = {(f.variant, f.metric): f.rank for f in ranked(by_effect)}
        for name, deltas in by_effect.items():
            for metric, d in deltas.items():
                row = [setting, name, metric, *[None] * 5, *_csv_delta(d), None, None, d.why, "main effect", d.verdict]
                row += [rules().smallest_of(metric), rank.get((name, metric)), texts[name], None]
                writer.writerow(["" if value is None else value for value in map(_unformula, row)])
    for line in more:
        writer.writerow(["" if value is None else value for value in map(_unformula, line)])
    writer.writerows(_csv_printed(tables))
    return out.getvalue()


def _csv_printed(tables: Sequence[Table]) -> Iterator[list[object]]:
    for table in tables:
        scale = 1 if table.note else 100  # ratings are printed as they are
        for row in table.rows:
            for (metric, _, _), cell in zip(table.columns, row.cells, strict=True):
                if cell.paper is not None:
                    line = [table.setting, row.name, metric, cell.paper / scale, *[""] * (len(HEAD) - 7)]
                    yield [*line[: HEAD.index("kind")], "paper", "", "", "", table.number, row.name]


def _csv_delta(d: Delta | None) -> list[object]:
    return [d.value, d.low, d.high, d.p_value, d.counts] if d else [None] * 5


def said_lines(study: Study, setting: str, about: bool = True) -> list[str]:
    """What counts, one line per main effect and variant, largest first, in the page's words.

    Args:
        study: what is compared.
        setting: setting of the storyline (``predicted`` or ``given``).
        about: whether to add the sentences on what a variant leaves out.
    """
    effects = [_said(said, about) for said in what_counts_of_effects(study, setting)]
    lines = [f"main effect of {line}" for line in effects]
    return lines + [_said(said, about) for said in what_counts(study, setting)]


def markdown_of_counts(study: Study, setting: str) -> str:
    """`said_lines` as a numbered list, and the rule."""
    numbered = [f"{i}. {_md(line)}" for i, line in enumerate(said_lines(study, setting), 1)]
    return "\n".join([*numbered, "", _md(rules().sentence), ""])


def _said(one: Said, about: bool) -> str:
    found = ", ".join(_finding(f) for f in one.first)
    more = f" and {one.more} more" if one.more else ""
    parts = [part for part in (f"{found}{more}", one.verdict, one.beaten) if part]
    return f"{one.name}: {'; '.join(parts)}{f'. {one.about}' if about and one.about else ''}"


def _finding(f: Finding) -> str:
    return f"{f.text} ({percent(f.delta.low, True)} to {percent(f.delta.high, True)})"


def _unformula(value: object) -> object:
    """Spreadsheets run a text that begins like a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def markdown(study: Study, tables: Sequence[Table], title: str) -> str:
    """Scores, differences and the paper's tables, in GitHub's Markdown."""
    lines = [f"# {_md(title)}", "", *([_md(study.scope), ""] if study.scope else [])]
    for setting in study.settings:
        own = study.numbers[setting]
        names = study.metrics(setting)
        lines += [f"## Storyline {setting}", ""]
        if study.deltas[setting]:
            lines += ["### What counts", "", markdown_of_counts(study, setting)]
        lines += ["### Scores", "", "Means over seeds, x100.", ""]
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
        lines += _md_effects(study, setting, names)
        for metric in names:
            rows = [(name, d[metric]) for name, d in study.deltas[setting].items() if metric in d]
            lines += _md_deltas(f"{shown(metric).title}: minus {study.baseline.name} (x100)", "by seed", rows)
        lines.append("")
    lines += markdown_lines(study.orders)
    for table in tables:
        lines += [f"## {table.number}: {_md(table.title)}", "", *markdown_of_table(table), ""]
    if study.left_out:
        lines += ["## Left out", "", *_md_head(["run", "state", "why"])]
        lines += [f"| {_md(r.name)} | {r.state} | {_md(r.reason)} |" for r in study.left_out]
    return "\n".join(lines).rstrip() + "\n"


def markdown_of_table(table: Table) -> list[str]:
    """A table of the paper: each printed row, then in bold what was measured for it."""
    lines = _md_head(["system", *(short for _, short, _ in table.columns)])
    for row in table.rows:
        cells = [f"{_md(c.mark)}{table.own(c.ours.mean)}" if c.ours else printed(c, table) or "–" for c in row.cells]
        name = f"**ours: {_md(row.name)}**" if row.ours else _md(row.name)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    if table.note:
        lines += ["", _md(table.note)]
    if table.reasons:
        lines += ["", f"{_md(ORIENTATION)} marks a number of ours that is only for orientation beside the paper's:", ""]
        lines += [f"- {_md(reason)}" for reason in table.reasons]
    return lines


def printed(cell: Cell, table: Table) -> str:
    """The paper's number as it is printed; empty if there is none."""
    return "" if cell.paper is None else f"{cell.paper:.{table.digits}f}"


def _md_effects(study: Study, setting: str, names: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for metric in names:
        rows = [(e.name, e.deltas[metric]) for e in study.effects[setting] if metric in e.deltas]
        lines += _md_deltas(f"Main effects on {shown(metric).title} (x100)", "by matched pair", rows)
    return lines


def _md_deltas(title: str, by: str, rows: Sequence[tuple[str, Delta]]) -> list[str]:
    """A table of differences, the largest first."""
    if not rows:
        return []
    lines = ["", f"### {_md(title)}", ""]
    lines += _md_head(["variant", "difference", "95 % interval", by, "p (Holm)", "verdict"])
    for name, d in sorted(rows, key=lambda row: -abs(row[1].value or 0)):
        if d.value is None:
            lines.append(f"| {_md(name)} | – | {_md(d.why)} | | | |")
            continue
        seeds = " ".join(percent(s, sign=True) for s in d.seeds)
        span = f"{percent(d.low, True)} to {percent(d.high, True)}" if d.low is not None else "–"
        p = "" if d.p_value is None else f"{d.p_value:.4f}"
        verdict = f"{d.verdict}: {_md(d.why)}" if d.why and not d.why.startswith(d.verdict) else _md(d.why or d.verdict)
        lines.append(f"| {_md(name)} | {percent(d.value, True)} | {span} | {seeds} | {p} | {verdict} |")
    return lines


def _md_head(names: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|---|{'---:|' * (len(names) - 1)}"]


def _md(text: str) -> str:
    """Text escaped for a cell: no markup, no new column."""
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
    r"""Text escaped for LaTeX.

    >>> print(tex("50 % & no_memory"))
    50 \% \& no\_memory
    """
    return "".join(_TEX.get(c, c) for c in " ".join(text.split()))


def latex(study: Study, tables: Sequence[Table]) -> str:
    """What counts, and the paper's tables with our rows; needs booktabs, and xcolor (grey: none of ours compares)."""
    parts = [r"% \usepackage{booktabs,xcolor}", *(line for s in study.settings for line in _tex_counts(study, s))]
    for table in tables:
        heads = " & ".join(f"{tex(short)} {UP if higher else DOWN}" for _, short, higher in table.columns)
        body: list[str] = []
        below = True
        for row in table.rows:
            if row.ours and row.paper_name is None and below:
                body.append(r"\midrule")
                below = False
            name = rf"\quad ours: {tex(row.name)}" if row.ours else tex(row.name)
            body.append(f"{name} & {' & '.join(_tex_cell(c, row.ours, table) for c in row.cells)} \\\\")
        caption = f"{table.number} of the paper; below its rows ours"
        caption += f", marked {ORIENTATION} where only for orientation" if table.reasons else ""
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


def _tex_counts(study: Study, setting: str) -> list[str]:
    """A table of the differences that count, the largest first, main effects before variants."""
    each = [*what_counts_of_effects(study, setting), *what_counts(study, setting)]
    if not each:
        return []
    body = []
    for one in each:
        rows = [
            f"{tex(shown(f.metric).title)} & {tex(percent(f.delta.value, True))} & "
            f"{tex(percent(f.delta.low, True))} to {tex(percent(f.delta.high, True))}"
            for f in one.findings
        ] or [rf"\multicolumn{{3}}{{l}}{{{tex(one.verdict)}}}"]
        body += [rf"{tex(one.name) if not i else ''} & {row} \\" for i, row in enumerate(rows)]
    caption = f"What counts, storyline {setting}: differences from {study.baseline.name} (x100). {rules().sentence}"
    return [
        r"\begin{table}",
        rf"\caption{{{tex(caption)}}}",
        r"\begin{tabular}{llrr}",
        r"\toprule",
        r" & metric & difference & 95 \% interval \\",
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def _tex_cell(cell: Cell, ours: bool, table: Table) -> str:
    if not ours:
        number = printed(cell, table) or "--"
        return rf"\textcolor{{gray}}{{{number}}}" if table.reasons else number
    own = tex(table.own(cell.ours.mean)) if cell.ours else "--"
    return tex(cell.mark) + (rf"\textbf{{{own}}}" if cell.best else own)
