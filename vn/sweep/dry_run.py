"""What would fail in a sweep: each point's command is parsed and checked, and each problem is named once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from vn.errors import InputError
from vn.process import importing
from vn.sweep.grid import Point, Sweep, command_of
from vn.sweep.record import Record

MOST = 60  # points that are all checked; of more, enough to cover every value of every parameter


def rehearse_sweep(sweep: Sweep, folder: Path) -> tuple[list[str], list[str]]:
    """Check a sweep's points without running them.

    Args:
        sweep: the sweep.
        folder: folder of its points.

    Returns:
        What would fail, and notes: one line each, with the points concerned.
    """
    from vn.train.log_filter import filtered_logs

    problems: dict[str, list[str]] = {}
    notes: dict[str, list[str]] = {}
    try:
        Record(folder, sweep)
    except InputError as error:
        problems[str(error)] = []
    points = chosen(sweep.points)
    with filtered_logs():
        for point in points:
            for kind, lines in zip((problems, notes), _dry_run(*_arguments(sweep, point, folder)), strict=True):
                for line in dict.fromkeys(lines):
                    kind.setdefault(line, []).append(point.name)
    checked = f" ({len(points)} of {len(sweep.points)} points were checked)" if len(points) < len(sweep.points) else ""
    return _lines(problems, checked), _lines(notes, "")


def chosen(points: Sequence[Point]) -> list[Point]:
    """The points to check: all, or, of many, those with a parameter value that no earlier point has."""
    if len(points) <= MOST:
        return list(points)
    seen: set[tuple[str, str]] = set()
    found = []
    for point in points:
        values = {(key, json.dumps(value, sort_keys=True, default=str)) for key, value in point.parameters.items()}
        if not values <= seen:
            seen |= values
            found.append(point)
    return found


def _dry_run(name: str, words: list[str]) -> tuple[list[str], list[str]]:
    """What a command would refuse, and notes."""
    if name == "baseline":
        from vn.baselines.dry_run import dry_run as of_baseline

        return of_baseline(words)
    with importing():
        from vn.train.dry_run import dry_run
    return dry_run(name, words)


def _arguments(sweep: Sweep, point: Point, folder: Path) -> tuple[str, list[str]]:
    command = command_of(sweep, point, folder)
    inline = json.dumps(point.parameters)
    _, name, *words = (inline if word == str(command.parameters_file) else word for word in command.words)
    return name, words


def _lines(found: dict[str, list[str]], checked: str) -> list[str]:
    lines = []
    for text, names in found.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"{', '.join(names[:3])}{more}{': ' if names else ''}{text}{checked}")
    return lines
