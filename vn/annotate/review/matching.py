"""Which clips of two reviewers belong together, though one may have split, merged or moved them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from vn.annotate.results import ReviewedClip

NEAR = 0.5  # seconds between two cuts that are the same


class Cuts(NamedTuple):
    """The cuts within a video of two reviewers.

    Attributes:
        first: number of cuts of the first.
        second: number of cuts of the second.
        pairs: cuts of both that are at most `NEAR` apart: time at the first, time at the second.
    """

    first: int
    second: int
    pairs: tuple[tuple[float, float], ...]


class Group(NamedTuple):
    """The fewest clips of one and the other that have the same cuts around them; mostly one of each."""

    first: tuple[ReviewedClip, ...]
    second: tuple[ReviewedClip, ...]


def matched_cuts(first: Sequence[ReviewedClip], second: Sequence[ReviewedClip]) -> Cuts:
    """Pair the cuts of two reviewers, each with one at most, the nearest first.

    Args:
        first: the clips of a video, in order.
        second: those of the other reviewer.
    """
    one, other = _cuts(first), _cuts(second)
    near = sorted((abs(a - b), i, j) for i, a in enumerate(one) for j, b in enumerate(other) if abs(a - b) <= NEAR)
    chosen: list[tuple[int, int]] = []
    for _, i, j in near:
        if all((i < n and j < m) or (i > n and j > m) for n, m in chosen):  # each once, and none crosses another
            chosen.append((i, j))
    return Cuts(len(one), len(other), tuple((one[i], other[j]) for i, j in sorted(chosen)))


def groups(first: Sequence[ReviewedClip], second: Sequence[ReviewedClip], cuts: Cuts) -> list[Group]:
    """The clips between the paired cuts.

    Args:
        first: the clips of a video, in order.
        second: those of the other reviewer.
        cuts: from `matched_cuts`.
    """
    found, at_one, at_other = [], 0, 0
    for one, other in (*cuts.pairs, (float("inf"), float("inf"))):
        to_one = next((i for i, clip in enumerate(first) if i >= at_one and clip.start >= one), len(first))
        to_other = next((i for i, clip in enumerate(second) if i >= at_other and clip.start >= other), len(second))
        found.append(Group(tuple(first[at_one:to_one]), tuple(second[at_other:to_other])))
        at_one, at_other = to_one, to_other
    return found


def _cuts(clips: Sequence[ReviewedClip]) -> list[float]:
    """Where a clip after the first one starts."""
    return [clip.start for clip in clips[1:]]
