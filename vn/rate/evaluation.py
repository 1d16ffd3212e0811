"""Everything that merged ratings say, as the content of ``ratings.json`` and ``ratings.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vn.metrics.bootstrap import Estimate, estimate
from vn.rate import agreement
from vn.rate.key import Key
from vn.rate.means import Paired, differences, system_means
from vn.rate.raters import Rater, look_at_raters
from vn.rate.ratings import CRITERIA, POINTS, Ratings

FORMAT = 1
ALL = "all"


@dataclass(frozen=True)
class Evaluation:
    """What ratings say.

    Attributes:
        ratings: the ratings that count.
        means: system -> column -> mean.
        differences: every two systems.
        agreement: ``all`` or a criterion -> measure -> value.
        raters: every rater whose file was given, those left out included.
        missing: raters of the kit without a file.
        left_out: raters that the user left out.
    """

    ratings: Ratings
    means: Mapping[str, Mapping[str, Estimate]]
    differences: tuple[Paired, ...]
    agreement: Mapping[str, Mapping[str, Estimate]]
    raters: tuple[Rater, ...]
    missing: tuple[str, ...]
    left_out: tuple[str, ...]


def evaluate(given: Ratings, key: Key, left_out: list[str], seed: int = 0) -> Evaluation:
    """Compute everything.

    Args:
        given: ratings of all raters whose file was given.
        key: the kit's key.
        left_out: raters whose ratings do not count.
        seed: random seed of the intervals.
    """
    ratings = given.without(left_out)
    return Evaluation(
        ratings,
        system_means(ratings, seed),
        tuple(differences(ratings, seed)),
        agreements(ratings, seed),
        tuple(look_at_raters(given)),
        tuple(rater for rater in key.raters if rater not in given.raters),
        tuple(left_out),
    )


def agreements(ratings: Ratings, seed: int = 0) -> dict[str, dict[str, Estimate]]:
    """How well raters agree, over all (story, system, criterion) and by criterion, with intervals over stories."""
    return {
        name: _agreement(ratings.values[..., own], seed)
        for name, own in {ALL: slice(None), **{name: slice(c, c + 1) for c, name in enumerate(CRITERIA)}}.items()
    }


def _agreement(values: NDArray[np.float64], seed: int) -> dict[str, Estimate]:
    """The measures of ``[R, S, M, C]``."""
    raters, stories, systems, criteria = values.shape
    units = values.reshape(raters, -1)
    story = np.repeat(np.arange(stories), systems * criteria).tolist()
    met = agreement.by_story(agreement.coincidences(units, POINTS), story)
    found = {
        "pearson": estimate(agreement.by_story(agreement.moments(units), story), agreement.pearson, seed),
        "alpha_ordinal": estimate(met, partial(agreement.alpha, ordinal=True), seed),
        "alpha_interval": estimate(met, partial(agreement.alpha, ordinal=False), seed),
    }
    rows = agreement.by_story(agreement.layout(units), story)
    for i, name in enumerate(agreement.ICC):
        found[name] = estimate(rows[rows[:, 0] > 0], partial(_icc, which=i), seed)
    return found


def _icc(sums: NDArray[np.float64], which: int) -> NDArray[np.float64]:
    return np.asarray(agreement.icc(sums)[..., which])


def as_json(found: Evaluation, key: Key) -> dict[str, Any]:
    """The content of ``ratings.json``."""
    ratings = found.ratings
    return {
        "format": FORMAT,
        "kit": key.kit,
        "setting": key.setting,
        "stories": list(ratings.stories),
        "raters": list(ratings.raters),
        "missing_raters": list(found.missing),
        "left_out": list(found.left_out),
        "open_ratings": ratings.missing,
        "systems": {
            name: {
                **key.systems[name],
                "ratings": int((~np.isnan(ratings.values[:, :, m])).sum()),
                **{column: _entry(value) for column, value in found.means[name].items()},
            }
            for m, name in enumerate(ratings.systems)
        },
        "differences": [each._asdict() for each in found.differences],
        "agreement": {
            name: {measure: _entry(value) for measure, value in own.items()} for name, own in found.agreement.items()
        },
        "by_rater": {rater.name: {**rater._asdict(), "why": list(rater.why)} for rater in found.raters},
    }


def as_csv(ratings: Ratings) -> str:
    """Every rated (rater, story, system), one per line; an open rating is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["rater", "video", "system", *CRITERIA, "seconds"])
    for r, s, m in np.ndindex(ratings.seconds.shape):
        points = ["" if np.isnan(point) else f"{point:.0f}" for point in ratings.values[r, s, m]]
        if any(points):
            system = ratings.systems[m]
            safe = f"'{system}" if system[:1] in "=+-@" else system  # a spreadsheet would run it as a formula
            writer.writerow([ratings.raters[r], ratings.stories[s], safe, *points, f"{ratings.seconds[r, s, m]:.0f}"])
    return out.getvalue()


def _entry(value: Estimate) -> dict[str, Any]:
    ends = None if value.low is None else [value.low, value.high]
    return {"value": value.value, "interval": ends}
