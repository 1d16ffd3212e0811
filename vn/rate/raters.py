"""Raters who are off: named, so that people decide what to do; nobody is left out by this file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vn.rate.ratings import CRITERIA, Ratings

LOW = 0.2  # correlation with the mean of the others
FAST = 0.25  # share of the story's length


class Rater(NamedTuple):
    """One rater.

    Attributes:
        name: its name.
        ratings: how many ratings it gave.
        open: how many it left open.
        correlation: Pearson's r with the mean of the other raters, over all ratings it gave that another one gave too;
            None if it is not defined.
        pace: median over stories and systems of the seconds on screen, as a share of the story's length; None if no
            times were recorded.
        why: what is off, in sentences; empty if nothing is.
    """

    name: str
    ratings: int
    open: int
    correlation: float | None
    pace: float | None
    why: tuple[str, ...]


def look_at_raters(ratings: Ratings) -> list[Rater]:
    """Every rater beside the others."""
    return [_rater(ratings, r) for r in range(len(ratings.raters))]


def _rater(ratings: Ratings, r: int) -> Rater:
    values = ratings.values.reshape(len(ratings.raters), -1)
    own, others = values[r], np.delete(values, r, axis=0)
    there = ~np.isnan(own)
    both = there & ~np.isnan(others).all(axis=0)
    correlation = _correlation(own[both], np.nanmean(others[:, both], axis=0)) if both.any() else None
    why = []
    if there.any() and np.ptp(own[there]) == 0:
        why.append(f"gave {own[there][0]:.0f} everywhere")
    else:
        flat = [name for c, name in enumerate(CRITERIA) if _is_flat(ratings.values[r, ..., c])]
        if flat:
            why.append(f"gave the same rating everywhere for {_listed(flat)}")
        if correlation is not None and correlation < LOW:
            why.append(f"correlates by {correlation:.2f} with the mean of the others")
    pace = _pace(ratings, r)
    if pace is not None and pace < FAST:
        why.append(f"had stories on screen for {100 * pace:.0f} % of their length (median)")
    return Rater(ratings.raters[r], int(there.sum()), int((~there).sum()), correlation, pace, tuple(why))


def _correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) < 1e-12:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _is_flat(values: np.ndarray) -> bool:
    there = values[~np.isnan(values)]
    return len(there) > 2 and bool(np.ptp(there) == 0)


def _pace(ratings: Ratings, r: int) -> float | None:
    rated = ~np.isnan(ratings.values[r]).all(axis=-1) & (ratings.lengths > 0)[:, None]
    seconds = ratings.seconds[r]
    if not rated.any() or not seconds.any():
        return None
    lengths = np.broadcast_to(ratings.lengths[:, None], seconds.shape)
    return float(np.median(seconds[rated] / lengths[rated]))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
