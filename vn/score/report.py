"""What ``vn score`` prints: one table per setting, breakdowns, differences, and the paper's rows beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vn.score.paper_table import ORIENTATION, SideBySide

WIDE = 240  # characters
Entries = Mapping[str, Mapping[str, Any]]


def print_table(scores: Mapping[str, Entries]) -> None:
    """Print the content of a ``scores.json``, one table per setting, values times 100."""
    console = Console()
    for setting, metrics in scores.items():
        table = _table(
            f"{setting}: scores x100, with 95 % intervals over videos", ["metric"], ["x100", "95 % interval"]
        )
        table.add_column("clips", justify="right", no_wrap=True)
        table.add_column("how", overflow="fold")
        for name, entry in metrics.items():
            if entry["value"] is not None:
                table.add_row(name, *_cells(name, entry))
        console.print(table)
        for line in _remarks(metrics):
            console.print(line, soft_wrap=True, markup=False, highlight=False)


def print_breakdown(scores: Mapping[str, Entries]) -> None:
    """Print each breakdown in the entries: one row per metric, one column per group."""
    console = _wide()
    for setting, metrics in scores.items():
        for way in dict.fromkeys(way for entry in metrics.values() for way in entry.get("by", {})):
            parts = {name: entry["by"][way] for name, entry in metrics.items() if way in entry.get("by", {})}
            groups = list(dict.fromkeys(group for own in parts.values() for group in own))
            table = _table(f"{setting} by {way}: x100", ["metric"], [escape(group) for group in groups])
            for name, own in parts.items():
                table.add_row(name, *(f"{100 * own[g]['value']:.1f}" if g in own else "-" for g in groups))
            table.add_section()
            clips = [max(own[g]["clips"] for own in parts.values() if g in own) for g in groups]
            table.add_row("clips", *map(str, clips))
            console.print(table)


def print_differences(differences: Mapping[str, Entries], ours: str, other: str) -> None:
    """Print paired differences, one table per setting, times 100."""
    console = _wide()
    for setting, metrics in differences.items():
        title = f"{setting}: {ours} minus {other}, x100, paired over videos"
        table = _table(title, ["metric"], ["ours", "other", "difference", "95 % interval", "p", "p (Holm)"])
        why: dict[str, list[str]] = {}
        for name, entry in metrics.items():
            if "why" in entry:
                why.setdefault(entry["why"], []).append(name)
                continue
            low, high = entry["interval"]
            numbers = [f"{100 * entry[key]:.1f}" for key in ("ours", "other")]
            chances = [f"{entry[key]:.4f}" for key in ("p_value", "p_holm")]
            ends = f"{100 * low:+.1f} .. {100 * high:+.1f}"
            table.add_row(name, *numbers, f"{100 * entry['difference']:+.1f}", ends, *chances)
        console.print(table)
        for reason, names in why.items():
            line = f"not compared, {reason}: {', '.join(names)}"
            console.print(line, soft_wrap=True, markup=False, highlight=False)


def print_paper(tables: Sequence[SideBySide]) -> None:
    """Print runs beside the paper's rows."""
    console = _wide()
    for each in tables:
        what = "the paper's" if each.note else "x100, ours below the paper's"
        table = _table(f"{each.title}: {what}", ["system"], list(each.columns.values()))
        for system, ours, cells in each.rows:
            name = f"  [bold]ours: {escape(system)}[/bold]" if ours else escape(system)
            table.add_row(name, *(cell.text for cell in cells.values()))
        console.print(table)
        if each.note:
            console.print(each.note, soft_wrap=True, markup=False, highlight=False)
        if each.remarks:
            console.print(f"{ORIENTATION} only for orientation, not comparable with the paper's:", highlight=False)
        for remark in each.remarks:
            console.print(f"  {remark}", soft_wrap=True, markup=False, highlight=False)


def _wide() -> Console:
    """A console that cuts no column of a wide table if its output goes to a file or another program."""
    console = Console()
    return console if console.is_terminal else Console(width=max(WIDE, console.width))


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for name in left:
        table.add_column(name, no_wrap=True)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(name: str, entry: Mapping[str, Any]) -> list[str]:
    ends, coverage = entry["interval"], entry["coverage"]
    variant = f"{entry['variant']} range" if name == "word_length_accuracy" else entry["variant"]
    return [
        f"{100 * entry['value']:.1f}",
        f"{100 * ends[0]:.1f} .. {100 * ends[1]:.1f}" if ends else "",
        f"{coverage['scored']}/{coverage['clips']}",
        escape(", ".join(filter(None, (entry["tokenisation"], variant, entry.get("model"))))),
    ]


def _remarks(metrics: Entries) -> list[str]:
    """What the table does not show: gaps that count as empty, the cost of judging, and metrics without a number."""
    lines = []
    for what in ("missing", "empty"):
        names = {
            name: e["coverage"][what] for name, e in metrics.items() if e["value"] is not None and e["coverage"][what]
        }
        if names:
            lines.append(f"{max(names.values())} {what}, scored as nothing")
    judged = next((e for e in metrics.values() if "judge" in e), {})
    for key in ("judge", "second_judge"):
        if key in judged:
            lines.append(_judging(judged[key]))
    if "kappa" in judged:
        value = judged["kappa"]["value"]
        kappa = "undefined: both always gave the same answer" if value is None else f"{value:.3f}"
        lines.append(f"Cohen's kappa of both judges over {judged['kappa']['narrations']} narrations: {kappa}")
    why: dict[str, list[str]] = {}
    for name, entry in metrics.items():
        if entry["value"] is None:
            why.setdefault(entry.get("why", "unknown"), []).append(name)
    return [*lines, *(f"not computed, {reason}: {', '.join(names)}" for reason, names in why.items())]


def _judging(judge: Mapping[str, Any]) -> str:
    line = f"judge {judge['id']}: {judge['asked']} asked, {judge['cached']} from the cache, {judge['unread']} unread"
    tokens = judge["prompt_tokens"], judge["completion_tokens"]
    if any(tokens):
        line += f", {tokens[0]} prompt and {tokens[1]} completion tokens"
    held_out = judge.get("agrees_on_held_out")
    if held_out:
        line += f"; on held-out training videos it finds {100 * held_out[0]:.1f} % of the labels"
    return line
