"""A W&B workspace: what counts, and the paper's tables as text, with bars of ours by ablation below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vn.compare.files import markdown_of_counts, markdown_of_table
from vn.compare.names import shown
from vn.compare.study import Study
from vn.compare.tables import Table
from vn.errors import InputError

SOURCE = (
    "x100, ours below the paper's; the bars are ours, on the raw scale, means with one standard deviation over seeds"
)


def workspace(tables: Sequence[Table], where: str, name: str, study: Study) -> Any:
    """Build the workspace; nothing is sent.

    Args:
        tables: the paper's tables.
        where: ``ENTITY/PROJECT``.
        name: name of the view.
        study: the study whose differences are listed.

    Raises:
        InputError: not such a path.
    """
    entity, _, project = where.partition("/")
    if not entity or not project or "/" in project:
        raise InputError(f"expected ENTITY/PROJECT, got {where!r}", field="--wandb")
    import wandb_workspaces.reports.v2 as panels
    import wandb_workspaces.workspaces as ws

    def bars(table: Table, metric: str) -> Any:
        summary = f"test/{table.setting}/{metric}"
        return panels.BarPlot(
            title=shown(metric).title,
            metrics=[panels.SummaryMetric(summary)],
            groupby="ablation",
            groupby_aggfunc="mean",
            groupby_rangefunc="stddev",
        )

    counted = [
        ws.Section(
            name=f"What counts, storyline {setting}",
            is_open=True,
            panels=[
                panels.MarkdownPanel(markdown=markdown_of_counts(study, setting), layout=panels.Layout(w=24, h=12))
            ],
        )
        for setting in study.settings
        if study.deltas[setting]
    ]
    sections = counted + [
        ws.Section(
            name=f"{table.number}: {table.title}",
            is_open=True,
            panels=[
                panels.MarkdownPanel(markdown=_markdown(table), layout=panels.Layout(w=24, h=10)),
                *(bars(table, metric) for metric in _ours(table) if not table.note),
            ],
        )
        for table in tables
    ]
    curves = [
        panels.LinePlot(title=f"{what} loss", x="trainer/global_step", y=[f"{what}/loss"]) for what in ("train", "val")
    ]
    sections.append(ws.Section(name="Training", is_open=True, panels=[*curves, panels.RunComparer()]))
    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=sections,
        runset_settings=ws.RunsetSettings(groupby=[ws.Config("ablation")]),
    )


def _ours(table: Table) -> list[str]:
    """Our metrics behind a table's columns, if some run has them."""
    found = []
    for i, (metric, _, _) in enumerate(table.columns):
        taken = [row.cells[i].metric for row in table.rows if row.ours and row.cells[i].ours]
        found.append(taken[0] if taken else metric)
    return found


def _markdown(table: Table) -> str:
    return "\n".join(([] if table.note else [SOURCE, ""]) + markdown_of_table(table))
