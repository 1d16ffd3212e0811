"""The word alignment behind METEOR 1.5 (Denkowski and Lavie 2014), for words that match exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

BEAM = 40  # METEOR's own


class Alignment(NamedTuple):
    """Which words were aligned one to one, and in how many pieces that are contiguous on both sides.

    Attributes:
        pairs: (place in the hypothesis, place in the reference), by the reference.
        chunks: the fewer, the more alike is the order of words.
    """

    pairs: tuple[tuple[int, int], ...]
    chunks: int


class _Path(NamedTuple):
    """An alignment of the reference's first words; the first three fields rank it."""

    unmatched: int  # minus the number of pairs
    chunks: int  # those that are closed
    distance: int
    end: int  # the hypothesis's place after the open chunk, or -1
    used: int  # a bit for each place of the hypothesis
    pairs: tuple[tuple[int, int], ...]


def align(hypothesis: Sequence[str], reference: Sequence[str], beam: int = BEAM) -> Alignment:
    """Find the alignment with most pairs, then fewest chunks, then the smallest distance between places.

    The search is METEOR's, so that chunks agree with the jar even where a beam of 40 misses the optimum (texts of
    many repeated words): it walks over the reference, keeps the `beam` best paths, and never leaves out a word that
    occurs once on either side. With a beam wide enough to keep all paths it is exact.

    >>> align("on the table a cup".split(), "a cup on the table".split())
    Alignment(pairs=((3, 0), (4, 1), (0, 2), (1, 3), (2, 4)), chunks=2)
    """
    places: dict[str, list[int]] = {}
    for i, word in enumerate(hypothesis):
        places.setdefault(word, []).append(i)
    wanted = Counter(reference)
    paths = [_Path(0, 0, 0, -1, 0, ())]
    for j, word in enumerate(reference):
        paths.sort(key=lambda path: path[:3])
        choices = places.get(word, [])
        certain = len(choices) == 1 and wanted[word] == 1
        paths = [longer for path in paths[:beam] for longer in _continued(path, j, choices, certain)]
    best = min(paths, key=lambda path: (path.unmatched, path.chunks + (path.end >= 0), path.distance))
    return Alignment(best.pairs, best.chunks + (best.end >= 0))


def _continued(path: _Path, j: int, choices: Sequence[int], certain: bool) -> list[_Path]:
    """The path with the reference's word `j` at each free place, and, unless `certain`, with that word left out."""
    longer = []
    distance = path.distance
    for i in choices:
        if path.used >> i & 1:
            continue
        closes = path.end not in (-1, i)
        pairs = (*path.pairs, (i, j))
        # METEOR charges a pair's distance to the path it comes from, so that later choices, and leaving the word
        # out, carry it too. Only ties at the beam's edge depend on it.
        own = abs(i - j) if certain else 0
        longer.append(_Path(path.unmatched - 1, path.chunks + closes, distance + own, i + 1, path.used | 1 << i, pairs))
        distance += abs(i - j)
    if not certain:
        longer.append(_Path(path.unmatched, path.chunks + (path.end >= 0), distance, -1, path.used, path.pairs))
    return longer
