"""``stats.html``: one self-contained file without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vn.compare.colours import palette
from vn.stats.figures import CLIPS, COMBINATIONS, LABELS
from vn.stats.measure import LACKS
from vn.stats.measures import MEASURES, label_distance
from vn.stats.table1 import HEADINGS, paper, paper_rows, row
from vn.stats.times import LONGEST_BIN
from vn.story import ScriptLabel
from vn.version import __version__

FOLDER = Path(__file__).with_name("page")
NAMED = 20  # stories that the page names of those that lack something; stats.json names all

Split = Mapping[str, Any]


class Line(NamedTuple):
    """A measure: its name and, per column, the number, its spread and its difference from the first column."""

    name: str
    cells: list[tuple[str, str, str]]


def render(data: Sequence[Mapping[str, Any]], title: str, made: str, notes: Sequence[str]) -> str:
    """The page.

    Args:
        data: what ``stats.json`` has for each data folder.
        title: title of the page.
        made: the command that made it.
        notes: what a reader should know.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    several = len(data) > 1
    wholes = [(each["name"], each["splits"]["all"]) for each in data]
    # Of one data folder, its splits are side by side; of several, all stories of each.
    columns = wholes if several else list(data[0]["splits"].items())
    style = (FOLDER / "style.css").read_text("utf-8") + _colours(len(data))
    return environment.get_template("stats.html").render(
        title=title,
        made=made,
        notes=notes,
        version=__version__,
        style=style,
        style_hash=f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}",
        data=data,
        several=several,
        headings=HEADINGS,
        paper=paper(),
        paper_rows=paper_rows(),
        rows=[
            (row(_named(each["name"], name), split), name == "all")
            for each in data
            for name, split in each["splits"].items()
        ],
        columns=columns,
        groups=_groups(columns, several),
        distances=[(name, label_distance(split, wholes[0][1])) for name, split in wholes[1:]],
        labels=list(ScriptLabel),
        ordered=sorted(ScriptLabel, key=lambda label: -wholes[0][1]["labels"]["counts"][label.en]),
        lacks=LACKS,
        charts=[(name, split) for name, split in wholes],
        largest=max((n / max(1, s["labels"]["labels"]) for _, s in wholes for n in s["labels"]["counts"].values())),
        combinations=COMBINATIONS,
        longest_bin=LONGEST_BIN,
        files=(LABELS, CLIPS),
        named=NAMED,
        heat=_heat,
        seconds_histogram=_until_longest,
    )


def _until_longest(counts: Sequence[int]) -> tuple[Sequence[int], str]:
    """A histogram of seconds up to its longest clip, and the number below its end."""
    bins = max((n + 1 for n, count in enumerate(counts) if count), default=1)
    return counts[:bins], f"{LONGEST_BIN:g}+" if bins == len(counts) else f"{bins}"


def _named(data: str, split: str) -> str:
    return data if split == "all" else f"{data}: {split}"


def _colours(count: int) -> str:
    """CSS: the colour of each data folder, by theme; of a single one a blue, not the palette's grey."""
    rules = []
    for theme, rule in (("light", "{}"), ("dark", "@media (prefers-color-scheme: dark) {{ {} }}")):
        colours = palette(count, theme) if count > 1 else palette(2, theme)[1:]
        rules.append(rule.format(f":root {{ {' '.join(f'--v{i}: {colour};' for i, colour in enumerate(colours))} }}"))
    rules += [f".swatch.v{i} {{ background: var(--v{i}); }} .fill.v{i} {{ fill: var(--v{i}); }}" for i in range(count)]
    return "\n".join([*rules, ""])


def _groups(columns: Sequence[tuple[str, Split]], several: bool) -> list[tuple[str, list[Line]]]:
    """The table of measures by heading; measures that no column has are left out."""
    groups: dict[str, list[Line]] = {}
    base = columns[0][1]
    for measure in MEASURES:
        if all(measure.number(split) is None for _, split in columns):
            continue
        cells = [
            (
                measure.text(measure.number(split)),
                measure.spread(split),
                measure.difference(split, base) if several and number and measure.comparable(split, base) else "",
            )
            for number, (_, split) in enumerate(columns)
        ]
        groups.setdefault(measure.group, []).append(Line(measure.name, cells))
    return list(groups.items())


def _heat(split: Split) -> list[tuple[ScriptLabel, list[tuple[int, int]]]]:
    """The table of transitions: for each label, how often each other follows it, with its shade from 0 to 5."""
    counts = {(each["from"], each["to"]): each["count"] for each in split["labels"]["transitions"]}
    most = max(counts.values(), default=1)
    return [
        (one, [(n, -(-5 * n // most)) for other in ScriptLabel for n in (counts.get((one.en, other.en), 0),)])
        for one in ScriptLabel
    ]
