"""The paper's Tables 2 to 6: below each printed row what was measured for it, and why some of it is not comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vn.compare.names import percent
from vn.compare.number import Number
from vn.compare.runs import Run
from vn.compare.study import LOWER_IS_BETTER, Study
from vn.compare.variant import Variant
from vn.score.paper import Column, PaperTable, differences, paper
from vn.score.paper_table import DEFINITION, ORIENTATION
from vn.score.printed_rows import Printed
from vn.score.text_measures import RELEASED, TEXT_RELEASED

TEXT_ORDER = ("cider_released", "meteor_released", *TEXT_RELEASED[:4])
LAYOUTS = (
    # number, the table of paper.yaml, its metrics (all: empty), what it shows
    ("Table 2", "e-syncvidstory-predicted", TEXT_ORDER, "against the reference, storyline predicted"),
    (
        "Table 3",
        "e-syncvidstory-predicted",
        (
            *("emscore_released", "emscore_ref_released", "info_sim_released", "info_diverse_released"),
            *("word_length_accuracy", "intra_repetition_released"),
        ),
        "relevance, control and fluency, storyline predicted",
    ),
    ("Table 4", "e-syncvidstory-given", (), "storyline given"),
    ("Table 5", "video-storytelling", (), "general domain"),
    ("Table 6", "human-evaluation", (), "human evaluation"),
)
ENCODER = "BLIP-2 Q-Former"
ENCODERS = ("features", "blip2")  # how the ids of encoders begin that give the paper's frame features
LANGUAGE_MODEL = {"e-syncvidstory": "baichuan-7b", "video-storytelling": "llama-2-7b"}


@dataclass(frozen=True)
class Cell:
    """A number: the paper's, or ours.

    Attributes:
        ours: our number; None if there is none, or the row is the paper's.
        metric: the metric of our number.
        paper: the paper's number, in a row of the paper.
        reasons: how ours differs from the paper's, so that it is only for orientation.
        why: why there is none of ours.
        best: whether it is the best of ours.
    """

    ours: Number | None = None
    metric: str = ""
    paper: float | None = None
    reasons: tuple[str, ...] = ()
    why: str = ""
    best: bool = False

    @property
    def mark(self) -> str:
        """A tilde before a number of ours that is only for orientation."""
        return ORIENTATION if self.ours and self.reasons else ""


@dataclass(frozen=True)
class Row:
    """A system.

    Attributes:
        name: the paper's name, or that of a variant of ours.
        paper_name: the printed row that a variant was measured for, right above; None if there is none.
        ours: whether it is ours.
        cells: one per column.
    """

    name: str
    paper_name: str | None
    ours: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table of the paper with our rows, each below the printed row it was measured for.

    Attributes:
        number: its number in the paper.
        title: what it shows.
        setting: our setting that it shows.
        columns: metric, short heading, and whether more is better.
        rows: the paper's systems, each followed by our variants for it; then our other variants.
        reasons: why our numbers are only for orientation beside the paper's, each once; empty: all are comparable.
        digits: digits of the paper's numbers, after the point.
        note: what the numbers are, if they are not a metric of ours.
        scale: what our numbers are multiplied by.
    """

    number: str
    title: str
    setting: str
    columns: tuple[tuple[str, str, bool], ...]
    rows: tuple[Row, ...]
    reasons: tuple[str, ...]
    digits: int = 1
    note: str = ""
    scale: float = 100.0

    def own(self, value: float) -> str:
        """A number of ours as this table prints it."""
        return percent(value * self.scale / 100, digits=self.digits)


def paper_tables(study: Study, corpus: str | None) -> list[Table]:
    """Lay a study out as the paper does.

    Args:
        study: what is compared.
        corpus: whose test split it was tested on; None if unknown.
    """
    tables = []
    for number, name, metrics, title in LAYOUTS:
        source = next(t for t in paper().tables if t.name == name)
        columns = [c for c in source.columns if not metrics or c.metric in metrics]
        if metrics:
            columns.sort(key=lambda c: metrics.index(c.metric))
        if source.setting in study.settings or source.note:
            tables.append(_table(study, number, f"{source.title.split(',')[0]}: {title}", source, columns, corpus))
    return tables


def _table(
    study: Study,
    number: str,
    title: str,
    source: PaperTable,
    columns: Sequence[Column],
    corpus: str | None,
) -> Table:
    ours = study.numbers.get(source.setting, {})
    found = {v.name: [_number(ours[v.name], c.metric) for c in columns] for v in study.variants if v.name in ours}
    best = [_best(each[0][0], [number for _, number in each]) for each in zip(*found.values(), strict=True)]
    below: dict[str | None, list[Row]] = {}
    for variant in study.variants:
        if variant.name not in ours:
            continue
        printed = _printed(variant, source)
        apart = printed.reasons if printed else ()
        if not variant.is_other_system:
            apart = (*apart, *_setup(variant.runs[0], source))
        system = printed.system if printed else None
        cells = []
        for column, (metric, number_found), top in zip(columns, found[variant.name], best, strict=True):
            if not isinstance(number_found, Number):
                cells.append(Cell(metric=metric, why=number_found))
                continue
            reasons = [*differences(number_found.how, column, source, corpus), *apart]
            if metric != column.metric:
                reasons.append(f"{column.short}: {DEFINITION}")
            cells.append(Cell(number_found, metric, None, tuple(reasons), "", number_found.mean == top))
        below.setdefault(system, []).append(Row(variant.name, system, True, tuple(cells)))
    rows = []
    for system, values in source.rows.items():
        rows.append(Row(system, None, False, tuple(Cell(paper=values.get(c.metric)) for c in columns)))
        rows += below.get(system, [])
    rows += below.get(None, [])
    heads = tuple((c.metric, c.short, c.metric not in LOWER_IS_BETTER) for c in columns)
    every = dict.fromkeys(reason for row in rows for cell in row.cells for reason in cell.reasons)
    return Table(number, title, source.setting, heads, tuple(rows), tuple(every), source.digits, source.note)


def _printed(variant: Variant, source: PaperTable) -> Printed | None:
    """The printed row that a variant is measured for; an ablation with other settings besides has none."""
    if variant.baseline is None and (variant.is_other_system or variant.name != variant.ablation):
        return None
    return paper().printed({**variant.runs[0].config, "ablation": variant.ablation}, source)


def _number(own: Mapping[str, Number | str], metric: str) -> tuple[str, Number | str]:
    """The number of the released computation if there is one; else of the definition, which is a different number."""
    found = own.get(metric, "not computed")
    other = metric.removesuffix(RELEASED)
    if isinstance(found, str) and isinstance(own.get(other), Number):
        return other, own[other]
    return metric, found


def _best(metric: str, numbers: Sequence[Number | str]) -> float | None:
    means = [n.mean for n in numbers if isinstance(n, Number)]
    if len(means) < 2:
        return None
    return min(means) if metric in LOWER_IS_BETTER else max(means)


def _setup(run: Run, source: PaperTable) -> list[str]:
    """How the run's setup differs from the paper's."""
    found = []
    if run.encoder is not None and not run.encoder.startswith(ENCODERS):
        found.append(f"frame encoder {run.encoder}, the paper's is {ENCODER}")
    model: Any = run.config.get("model.base_model")
    wanted = LANGUAGE_MODEL[source.corpus]
    if isinstance(model, str) and wanted.replace("-", "") not in model.lower().replace("-", "").replace("_", ""):
        found.append(f"language model {model}, the paper's is {wanted}")
    return found
