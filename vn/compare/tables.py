"""The paper's Tables 2 to 6 with our numbers beside its own, and why some of them are not comparable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vn.compare.number import Number
from vn.compare.runs import Run
from vn.compare.study import LOWER_IS_BETTER, Study
from vn.score.paper import Column, PaperTable, differences, paper
from vn.score.paper_table import DEFINITION
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
    """A number of ours, the paper's beside it, and how they differ; `why` if we have none."""

    ours: Number | None = None
    metric: str = ""
    paper: float | None = None
    reasons: tuple[str, ...] = ()
    why: str = ""
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A system: one of the paper's, or a variant of ours with the paper's name for it."""

    name: str
    paper_name: str | None
    ours: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table of the paper with our rows below its own.

    Attributes:
        number: its number in the paper.
        title: what it shows.
        setting: our setting that it shows.
        columns: metric, short heading, and whether more is better.
        rows: the paper's other systems, then our variants.
        reasons: why our numbers are only for orientation beside the paper's, each once; empty: all are comparable.
        digits: digits of the paper's numbers, after the point.
        note: what the numbers are, if they are not a metric of ours.
    """

    number: str
    title: str
    setting: str
    columns: tuple[tuple[str, str, bool], ...]
    rows: tuple[Row, ...]
    reasons: tuple[str, ...]
    digits: int = 1
    note: str = ""


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
    systems = paper().ablations
    rows = [
        Row(system, None, False, tuple(Cell(paper=values.get(c.metric)) for c in columns))
        for system, values in source.rows.items()
        if system not in systems.values() or not ours  # those are shown beside ours
    ]
    found = {v.name: [_number(ours[v.name], c.metric) for c in columns] for v in study.variants if v.name in ours}
    reasons: list[str] = []
    for variant in study.variants:
        if variant.name not in ours:
            continue
        system = systems.get(variant.ablation) if variant.name == variant.ablation else None
        system = system if system in source.rows else None
        general = _setup(variant.runs[0], source)
        cells = []
        for i, column in enumerate(columns):
            metric, number_found = found[variant.name][i]
            printed = source.rows.get(system or "", {}).get(column.metric)
            if not isinstance(number_found, Number):
                cells.append(Cell(metric=metric, paper=printed, why=number_found))
                continue
            apart = [*differences(number_found.how, column, source, corpus), *general]
            if metric != column.metric:
                apart.append(f"{column.short}: {DEFINITION}")
            reasons += apart
            best = number_found.mean == _best(metric, [each[i][1] for each in found.values()])
            cells.append(Cell(number_found, metric, printed, tuple(apart), "", best))
        rows.append(Row(variant.name, system, True, tuple(cells)))
    heads = tuple((c.metric, c.short, c.metric not in LOWER_IS_BETTER) for c in columns)
    return Table(
        number, title, source.setting, heads, tuple(rows), tuple(dict.fromkeys(reasons)), source.digits, source.note
    )


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
