"""Which finished point of a sweep is best by the sweep file's metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vn.errors import InputError
from vn.score.predictions import read_lines


def best_point(metric: Mapping[str, str], folder: Path, names: Iterable[str]) -> str | None:
    """One line about the best point.

    Args:
        metric: ``name`` and ``goal``, or empty.
        folder: folder of the sweep.
        names: names of its finished points.

    Returns:
        The line; None if no metric is asked for or nothing is finished.
    """
    if not metric:
        return None
    last = {name: _last(folder / name / "metrics.jsonl", metric["name"]) for name in names}
    found = {name: value for name, value in last.items() if value is not None}
    if not found:
        return f"no finished point has the metric {metric['name']}" if last else None
    choose: Any = max if metric["goal"] == "maximize" else min
    name = choose(found, key=lambda each: found[each])
    return f"best by {metric['name']} ({metric['goal']}): {name} with {found[name]:.4g}"


def _last(file: Path, key: str) -> float | None:
    """The last number under a key of ``metrics.jsonl``: what W&B calls the run's summary."""
    try:
        values = [line[key] for line in read_lines(file) if key in line] if file.exists() else []
    except InputError:
        return None
    numbers = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return numbers[-1] if numbers else None
