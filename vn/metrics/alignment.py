"""The word alignment behind METEOR 1.5 (Denkowski and Lavie 2014), for words that match exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

BEAM = 40  # METEOR's own


class Alignment(NamedTuple):
    """Words of hypothesis and reference paired one to one.

    Attributes:
        matched: the words paired, in the hypothesis's order.
        chunks: in how many pieces that are contiguous on both sides they lie; the fewer, the more alike the order.
    """

    matched: tuple[str, ...]
    chunks: int


class _Path(NamedTuple):
    """An alignment of the reference's first words; the first three fields rank it."""

    missed: int  # minus the number of pairs
    chunks: int  # those that are closed
    distance: int
    end: int  # the hypothesis's place after the open chunk, or -1
    used: int  # a bit for each place of the hypothesis

    def paired(self, place: int, distance: int) -> _Path:
        closes = self.end not in (-1, place)
        return _Path(self.missed - 1, self.chunks + closes, distance, place + 1, self.used | 1 << place)

    def closed(self, distance: int) -> _Path:
        return _Path(self.missed, self.chunks + (self.end >= 0), distance, -1, self.used)


def align(hypothesis: Sequence[str], reference: Sequence[str], beam: int = BEAM) -> Alignment:
    """Find the alignment with most pairs, then fewest chunks, then the smallest distance between places.

    The search is METEOR's, so that chunks agree with the jar even where a beam of 40 misses the optimum (texts of
    many repeated words): it walks over the reference, keeps the `beam` best paths, and never leaves out a word that
    occurs once on both sides. With a beam wide enough for all paths, matches and chunks are exact.

    >>> align("on the table a cup".split(), "a cup on the table".split())
    Alignment(matched=('on', 'the', 'table', 'a', 'cup'), chunks=2)
    """
    places: dict[str, list[int]] = {}
    for i, word in enumerate(hypothesis):
        places.setdefault(word, []).append(i)
    wanted = Counter(reference)
    paths = [_Path(0, 0, 0, -1, 0)]
    for j, word in enumerate(reference):
        paths = sorted(paths, key=lambda path: path[:3])[:beam]
        choices = places.get(word, [])
        if len(choices) == 1 and wanted[word] == 1:
            paths = [path.paired(choices[0], path.distance + abs(choices[0] - j)) for path in paths]
        else:
            paths = [longer for path in paths for longer in _continued(path, j, choices)]
    best = min((path.closed(path.distance) for path in paths), key=lambda path: path[:3])
    return Alignment(tuple(word for i, word in enumerate(hypothesis) if best.used >> i & 1), best.chunks)


def _continued(path: _Path, j: int, choices: Sequence[int]) -> list[_Path]:
    """The path with the reference's word `j` at each free place, and with that word left out."""
    longer = []
    # METEOR charges a pair's distance to the path it starts from, so that later choices, and leaving the word out,
    # carry it too. Only ties at the beam's edge depend on it.
    distance = path.distance
    for i in choices:
        if not path.used >> i & 1:
            longer.append(path.paired(i, distance))
            distance += abs(i - j)
    return [*longer, path.closed(distance)]
