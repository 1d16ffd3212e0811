"""What ``vn order`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vn.metrics.ordering import ORDERING
from vn.ordered import Ordered, Result, by_clip_count, read_results, scores_of, tau_difference

HEADS = {
    "tau": "Kendall's tau",
    "exact": "exact",
    "first": "first right",
    "last": "last right",
    "pairs": "pairs right",
}
FRAMING = (
    "The paper (appendix A.5) asks for this task and shows one example by GPT-4V; it has no numbers to compare with. "
    "A random order has a tau of 0 and half of the pairs right."
)


def print_scores(folder: Path, names: Sequence[str], texts: str) -> None:
    """Print a test's scores, those by the number of clips, and what methods differ by.

    Args:
        folder: has the results.
        names: the methods to print; of others in the folder only differences are.
        texts: ``given`` or ``predicted``.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console(width=None if Console().is_terminal else 160)
    found = {each.method: each for each in read_results(folder) if each.texts == texts}
    for name in names:
        result = found[name]
        table = Table("videos", *HEADS.values(), title=f"{name}, texts {texts}, seed {result.made_from.get('seed')}")
        table.add_row(f"all {len(result.videos)}", *_cells(result.videos))
        for group, own in by_clip_count(result.videos).items():
            table.add_row(f"{len(own)} of {group}", *_cells(own))
        console.print(table)
        if refused := sum(bool(each.refused) for each in result.videos):
            print(f"{refused} of {len(result.videos)} videos: no order, the one given was kept")
        if result.cost:
            print(", ".join(f"{name} {value:g}" for name, value in result.cost.items()))
    for line in differences(list(found.values()), names):
        print(line)
    print(FRAMING)


def differences(results: Sequence[Result], names: Sequence[str]) -> list[str]:
    """Lines with the differences in tau between methods tested on the same shuffled videos.

    Args:
        results: results by several methods.
        names: the later method of each pair is one of these.
    """
    lines = []
    for number, later in enumerate(results):
        for earlier in results[:number]:
            if later.method in names or earlier.method in names:
                d = tau_difference([earlier.videos], [later.videos]) if _same_test(earlier, later) else None
                if d is not None:
                    ends = f"95 % interval {d.low:+.3f} to {d.high:+.3f}, p = {d.p_value:.3f}"
                    lines.append(f"tau of {later.method} minus {earlier.method}: {d.value:+.3f} ({ends})")
    return lines


def _same_test(one: Result, other: Result) -> bool:
    return [(each.id, each.given) for each in one.videos] == [(each.id, each.given) for each in other.videos]


def _cells(videos: Sequence[Ordered]) -> list[str]:
    cells = []
    scores = scores_of(videos)
    for metric in ORDERING:
        value, ends = scores[metric]["value"], scores[metric]["interval"]
        shown = f"{value:.3f}" if metric == "tau" else f"{100 * value:.1f} %"
        if ends:
            low, high = ends if metric == "tau" else (100 * end for end in ends)
            shown += f" [{low:.3f}, {high:.3f}]" if metric == "tau" else f" [{low:.0f}, {high:.0f}]"
        cells.append(shown)
    return cells
