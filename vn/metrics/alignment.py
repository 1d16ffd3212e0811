"""The word alignment behind METEOR 1.5 (Denkowski and Lavie 2014), for words that match exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

BEAM = 40  # METEOR's own
MOST_PLACES = 200  # tried per word of a hypothesis, besides the place that continues a chunk: texts may be very long


class Alignment(NamedTuple):
    """Words of hypothesis and reference paired one to one.

    Attributes:
        matched: the words paired, in the hypothesis's order.
        chunks: how many pieces, contiguous on both sides, they form; the fewer, the more similar the order.
    """

    matched: tuple[str, ...]
    chunks: int


# A path is an alignment of the reference's first words: (rank, end, used).
#   rank  one integer that orders as (most pairs, fewest closed chunks, smallest distance) does
#   end   the hypothesis's place after the open chunk, or -1
#   used  a bit for each place of the hypothesis
_Path = tuple[int, int, int]
_CHUNK = 1 << 40  # above any distance
_PAIR = 1 << 70  # above any number of chunks
_RANK = itemgetter(0)


def align(hypothesis: Sequence[str], reference: Sequence[str], beam: int = BEAM) -> Alignment:
    """Find the alignment with most pairs, then fewest chunks, then the smallest distance between places.

    The search is METEOR's, so that chunks agree with the jar even if a beam of 40 misses the optimum (texts of
    many repeated words): it walks over the reference, keeps the `beam` best paths, and never leaves out a word that
    occurs once on both sides. With a beam wide enough for all paths, matches and chunks are exact.

    >>> align("on the table a cup".split(), "a cup on the table".split())
    Alignment(matched=('on', 'the', 'table', 'a', 'cup'), chunks=2)
    """
    places: dict[str, list[int]] = {}
    for i, word in enumerate(hypothesis):
        places.setdefault(word, []).append(i)
    wanted = Counter(reference)
    paths: list[_Path] = [(0, -1, 0)]
    for j, word in enumerate(reference):
        if len(paths) > 1:
            paths.sort(key=_RANK)
            del paths[beam:]
        choices = places.get(word)
        if choices is None:
            paths = [(rank + _CHUNK if end >= 0 else rank, -1, used) for rank, end, used in paths]
        elif len(choices) == 1 and wanted[word] == 1:
            i = choices[0]
            step = abs(i - j) - _PAIR
            paths = [
                (rank + step if end in (-1, i) else rank + step + _CHUNK, i + 1, used | 1 << i)
                for rank, end, used in paths
            ]
        else:
            paths = [longer for path in paths for longer in _continued(path, j, choices)]
    rank, _, used = min(((rank + _CHUNK if end >= 0 else rank, end, used) for rank, end, used in paths), key=_RANK)
    matched = tuple(word for i, word in enumerate(hypothesis) if used >> i & 1)
    return Alignment(matched, (rank + len(matched) * _PAIR) // _CHUNK)


def _continued(path: _Path, j: int, choices: Sequence[int]) -> list[_Path]:
    """The path with the reference's word `j` at each free place, and with that word left out."""
    rank, end, used = path
    if len(choices) > MOST_PLACES:
        near = bisect_left(choices, end)
        next_place = choices[near : near + 1] if near >= MOST_PLACES and choices[near : near + 1] == [end] else []
        choices = [*choices[:MOST_PLACES], *next_place]
    longer = []
    closed = rank + _CHUNK if end >= 0 else rank
    # METEOR adds a pair's distance to the path it starts from, so that later choices, and leaving the word out,
    # carry it too. Only ties at the beam's edge depend on it.
    distance = 0
    for i in choices:
        if not used >> i & 1:
            longer.append(((rank if i == end else closed) + distance - _PAIR, i + 1, used | 1 << i))
            distance += abs(i - j)
    longer.append((closed + distance, -1, used))
    return longer
