"""What ``vn review agreement`` prints."""

from __future__ import annotations

from vn.annotate.review.agreement import Agreement
from vn.metrics.bootstrap import Estimate
from vn.story import Language

WIDE = 100  # characters


def print_agreement(found: Agreement, language: Language) -> None:
    """Print a table.

    Args:
        found: what two reviewers agree about.
        language: that of the labels' names.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=max(WIDE, console.width))
    names = " and ".join(found.reviewers)
    print(f"{names}: {found.videos} videos, {found.clips} clips; 95 % intervals over videos")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("measure")
    table.add_column("value", justify="right")
    for name, value in (
        ("same set of labels", found.same_labels),
        ("Cohen's kappa, mean over labels", found.mean_kappa),
        *((f"  {label.text(language)}", value) for label, value in found.kappa.items() if value.value is not None),
        ("same narration", found.same_texts),
        ("edit distance of the narrations", found.distance),
        ("cuts within 0.5 s of one another", found.cuts),
        ("seconds between those cuts", found.apart),
    ):
        table.add_row(name, _with_ends(value))
    console.print(table)
    if found.split:
        print(f"{found.split} of {found.clips} clips were split or merged by one of them: compared as wholes")


def _with_ends(value: Estimate) -> str:
    if value.value is None:
        return "–"
    return f"{value.value:.2f}" + ("" if value.low is None else f" ({value.low:.2f}..{value.high:.2f})")
