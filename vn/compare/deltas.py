"""Every variant's differences from the baseline, and which of them count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from vn.compare.number import Delta, Number, shared_videos
from vn.compare.paired import seed_difference
from vn.compare.rules import NO_INTERVAL, rules
from vn.errors import InputError
from vn.metrics.bootstrap import holm


def deltas(numbers: Mapping[str, Mapping[str, Number | str]], baseline: str) -> dict[str, dict[str, Delta]]:
    """Variant -> metric -> its difference from the baseline.

    Args:
        numbers: variant -> metric -> the number, or why there is none.
        baseline: a variant.
    """
    full = numbers.get(baseline, {})
    found: dict[str, dict[str, Delta]] = {name: {} for name in numbers if name != baseline}
    for metric in dict.fromkeys(m for own in numbers.values() for m in own):
        each = {name: _delta(full.get(metric), numbers[name].get(metric)) for name in found}
        for name, delta in judged(metric, each).items():
            found[name][metric] = delta
    return found


def judged(metric: str, each: Mapping[str, Delta]) -> dict[str, Delta]:
    """Differences of one metric with p-values corrected for multiple comparisons (Holm), and their verdicts."""
    corrected = holm({name: d.p_value for name, d in each.items() if d.p_value is not None})
    found = {}
    for name, d in each.items():
        if d.value is None or d.verdict:
            found[name] = d
            continue
        p = corrected.get(name)
        span = None if d.low is None or d.high is None else (d.low, d.high)
        verdict, why = rules().verdict(metric, d.value, span, p, d.few, d.videos, len(corrected))
        found[name] = replace(d, p_value=p, verdict=verdict, why=why)
    return found


def unlike(first: Number | str | None, second: Number | str | None) -> str | None:
    """Why two numbers cannot be compared; None if they can."""
    if not isinstance(first, Number):
        return "the baseline has no number"
    if not isinstance(second, Number):
        return second or "not computed"
    if any(first.how.get(name) != second.how.get(name) for name in ("tokenisation", "variant")):
        return "computed in another way than the baseline's"
    asked = [(n.how.get("coverage") or {}).get("facts") for n in (first, second)]
    if asked[0] != asked[1]:
        return f"asked for other facts: {asked[1]}, the baseline for {asked[0]}"
    if not (set(first.seeds) & set(second.seeds) or first.seedless or second.seedless):
        return "no seed in common with the baseline"
    return None


def _delta(first: Number | str | None, second: Number | str | None) -> Delta:
    if why := unlike(first, second):
        return Delta(why=why)
    assert isinstance(first, Number)
    assert isinstance(second, Number)
    if first.seedless != second.seedless:
        first, second = first.at(second.seeds), second.at(first.seeds)
    seeds = sorted(set(first.seeds) & set(second.seeds))
    if not first.measures or not second.measures:
        gap = tuple(second.values[second.seeds.index(s)] - first.values[first.seeds.index(s)] for s in seeds)
        why = "no interval: only scores.json has this number"
        return Delta(float(np.mean(gap)), seeds=gap, verdict=NO_INTERVAL, why=why)
    pairs = [n.measures[n.seeds.index(s)] for n in (first, second) for s in seeds]
    try:
        shared = shared_videos(pairs)
        d = seed_difference(shared[: len(seeds)], shared[len(seeds) :])
    except InputError as error:
        return Delta(why=str(error))
    return Delta(d.value, d.low, d.high, d.p_value, d.seeds, few=len(seeds), videos=len(shared[0].videos))
