"""One run against another: paired differences of every metric, and how certain they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vn.errors import InputError
from vn.metrics.bootstrap import difference, holm
from vn.score.predictions import Test
from vn.score.sums import Measure, Measured, NotComputed

TAGS = ("tokenisation", "variant", "model")
RESAMPLES = 10_000  # p-values down to 0.0002, so that Holm's correction has room


def check_tags(name: str, first: Any, second: Any) -> None:
    """Refuse to compare numbers of a metric that were computed in different ways.

    Args:
        name: name of the metric.
        first: a `Measure`, or an entry of a ``scores.json``.
        second: the same, of the other run.

    Raises:
        InputError: they were; it names both ways.

    >>> check_tags("cider", {"tokenisation": "char"}, {"tokenisation": "jieba"})
    Traceback (most recent call last):
        ...
    vn.errors.InputError: cider: numbers of different tokenisations are not compared: char and jieba
    """
    for tag in TAGS:
        values = [each.get(tag) if isinstance(each, Mapping) else getattr(each, tag) for each in (first, second)]
        if values[0] != values[1]:
            raise InputError(f"numbers of different {tag}s are not compared: {values[0]} and {values[1]}", field=name)


def check_same_clips(first: Test, second: Test) -> None:
    """Raise unless two tests have the same clips with the same references."""
    ours, theirs = ({(c.video, c.clip): c.reference for c in test.clips} for test in (first, second))
    if ours != theirs:
        video, clip = min(k for k in ours.keys() | theirs.keys() if ours.get(k, "") != theirs.get(k, ""))
        raise InputError(f"the two runs do not share clip {clip} and its reference", sample=video)


def compare(ours: Measured, other: Measured, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, dict[str, Any]]:
    """How much higher `ours` scores than `other` on the videos both have.

    Args:
        ours: measures of a run.
        other: measures of another one, on the same clips.
        seed: random seed of the resampling; each resample draws the same videos for both.
        resamples: number of resamples.

    Returns:
        For each metric ``ours, other, difference, interval, p_value, p_holm, videos``, or ``why`` there is no
        comparison. ``p_holm`` is corrected for the number of metrics (Holm 1979).
    """
    table: dict[str, dict[str, Any]] = {}
    for name in ours:
        a, b = ours[name], other.get(name, NotComputed("not computed for the other run"))
        missing = next((each.why for each in (a, b) if isinstance(each, NotComputed)), None)
        if missing is not None:
            table[name] = {"why": missing}
            continue
        assert isinstance(a, Measure)
        assert isinstance(b, Measure)
        try:
            check_tags(name, a, b)
            shared = sorted(set(a.videos) & set(b.videos))
            rows = [each.of(shared) for each in (b, a)]
            found = difference(rows[0], rows[1], a.finish, seed, resamples)
        except InputError as error:
            table[name] = {"why": str(error)}
            continue
        table[name] = {
            "ours": float(a.finish(rows[1].sum(axis=0))),
            "other": float(a.finish(rows[0].sum(axis=0))),
            "difference": found.value,
            "interval": [found.low, found.high],
            "p_value": found.p_value,
            "videos": len(shared),
        }
    corrected = holm({name: entry["p_value"] for name, entry in table.items() if "p_value" in entry})
    for name, p in corrected.items():
        table[name]["p_holm"] = p
    return table
