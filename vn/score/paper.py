"""The paper's numbers, and whether a number of ours is comparable with them (``paper.yaml``).

See docs/method.md#numbers-of-the-paper.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.io.files import read_yaml
from vn.score.printed_rows import Counterpart, Printed, printed_row
from vn.story import Domain

FILE = Path(__file__).with_name("paper.yaml")


@dataclass(frozen=True)
class Column:
    """A metric of the paper.

    Attributes:
        metric: the name that `vn score` gives the computation behind it.
        short: the paper's heading.
        how: how its numbers were computed: how a tokenisation or variant begins, or what is in a model's name.
        unlike: why none of our numbers is comparable; empty if one can be.
    """

    metric: str
    short: str
    how: Mapping[str, str]
    unlike: str = ""


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper.

    Attributes:
        name: name in files and options.
        title: title for readers.
        corpus: the corpus whose test split it is.
        setting: ``predicted`` or ``given``: where the storyline came from; ``human`` for ratings by people.
        domain: domain of the corpus.
        columns: its metrics, in the paper's order.
        rows: system -> metric -> the printed number (times 100); a metric that the paper leaves out is not there.
        digits: digits after the point.
        note: what the numbers are, if they are not a metric of ours.
    """

    name: str
    title: str
    corpus: str
    setting: str
    domain: Domain
    columns: tuple[Column, ...]
    rows: Mapping[str, Mapping[str, float]]
    digits: int = 1
    note: str = ""


@dataclass(frozen=True)
class Paper:
    """All of ``paper.yaml``.

    Attributes:
        source: what to cite.
        tables: both settings of the ads, the general domain, and the human evaluation.
        ablations: the name of an ablation -> its system in the tables.
        baselines: baselines with their systems in the tables; the first that fits a run is its own.
    """

    source: str
    tables: tuple[PaperTable, ...]
    ablations: Mapping[str, str]
    baselines: tuple[Counterpart, ...] = ()

    @property
    def corpora(self) -> tuple[str, ...]:
        """The corpora of its tables, each once."""
        return tuple(dict.fromkeys(table.corpus for table in self.tables))

    def table(self, setting: str, domain: Domain) -> PaperTable | None:
        """The paper's table for one of our settings; None if it has none."""
        return next((t for t in self.tables if (t.setting, t.domain) == (setting, domain)), None)

    def printed(self, config: Mapping[str, Any], table: PaperTable) -> Printed | None:
        """The row of a table that a run, by its configuration (dotted key -> value), is measured for; None: none."""
        return printed_row(config, table.rows, self.ablations, self.baselines)

    @property
    def human(self) -> PaperTable:
        """The human evaluation; we have no such numbers."""
        return next(t for t in self.tables if t.setting == "human")


@functools.cache
def paper() -> Paper:
    """Read the paper's numbers.

    >>> paper().table("predicted", "ad").rows["VideoNarrator"]["cider_released"]
    33.3
    >>> paper().table("given", "general") is None
    True
    """
    data = read_yaml(FILE)
    columns = {name: Column(name, c["short"], c["how"], c.get("unlike", "")) for name, c in data["columns"].items()}
    tables = []
    for table in data["tables"]:
        rows = {}
        for system, *values in table["rows"]:
            if len(values) != len(table["metrics"]):
                raise InputError(f"{len(values)} numbers for {len(table['metrics'])} metrics", file=FILE, sample=system)
            rows[system] = {m: v for m, v in zip(table["metrics"], values, strict=True) if v is not None}
        tables.append(
            PaperTable(
                name=table["name"],
                title=table["title"],
                corpus=table["corpus"],
                setting=table["setting"],
                domain=table["domain"],
                columns=tuple(columns[m] for m in table["metrics"]),
                rows=rows,
                digits=table.get("digits", 1),
                note=table.get("note", ""),
            )
        )
    return Paper(data["source"], tuple(tables), data["ablations"], tuple(Counterpart(**c) for c in data["baselines"]))


def differences(entry: Mapping[str, Any], column: Column, table: PaperTable, corpus: str | None) -> list[str]:
    """Why a number of ours is not comparable with the paper's, only for orientation; empty if it is comparable.

    Args:
        entry: entry of a ``scores.json``, with a value.
        column: column of the paper.
        table: the table that has the column.
        corpus: the corpus whose test split was scored; None if unknown.
    """
    found = []
    if corpus != table.corpus:
        found.append(f"other stories than the test split of {table.corpus}")
    for name, wanted in column.how.items():
        ours = str(entry.get(name) or "none")
        if not (wanted in ours if name == "model" else ours.startswith(wanted)):
            found.append(f"{name} {ours}, the paper's is {wanted.rstrip(':')}")
    if column.unlike:
        found.append(column.unlike)
    return found
