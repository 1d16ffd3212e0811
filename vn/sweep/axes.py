"""The parameters of a W&B sweep file as the axes of a grid, as W&B's own grid search takes them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean, show

KEYS = ("value", "values", "parameters", "distribution", "min", "max", "q")
# What a parameter of each kind may have; the last two kinds are ranges.
KINDS: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "categorical": ("values",),
    "int_uniform": ("min", "max"),
    "q_uniform": ("min", "max", "q"),
}


@dataclass(frozen=True)
class Axis:
    """The values of one parameter: a list, or a range, which is never expanded.

    Attributes:
        count: how many values there are.
        values: the listed values; none for a range.
        start, step: first value and step of a range.
    """

    count: int
    values: Sequence[Any] = ()
    start: Any = 0
    step: Any = 1

    def __getitem__(self, index: int) -> Any:
        return self.values[index] if self.values else self.start + index * self.step


def axes_of(parameters: Any, file: Path, field: str = "parameters") -> dict[str, Axis]:
    """The axes of a sweep's ``parameters``.

    Args:
        parameters: by name; each has a value, values, a range of integers or of steps, or parameters of its own.
        file: the sweep file, for messages.
        field: where the parameters are in it.

    Returns:
        Dotted key -> its axis, in the file's order.

    Raises:
        InputError: a parameter is none of these; it is named.
    """
    if not isinstance(parameters, dict) or not parameters:
        raise InputError(f"expected parameters by name, got {show(parameters)}", file=file, field=field)
    axes: dict[str, Axis] = {}
    for key, given in parameters.items():
        place = f"{field}.{key}"
        if not isinstance(given, dict):
            raise InputError(f"expected value: or values:, got {show(given)}", file=file, field=place)
        if "parameters" in given:
            _refuse_others(given, ("parameters",), file, place)
            inner = axes_of(given["parameters"], file, f"{place}.parameters")
            found = {f"{key}.{name}": axis for name, axis in inner.items()}
        else:
            found = {str(key): _axis(given, file, place)}
        if twice := next((name for name in found if name in axes), None):
            raise InputError(f"{twice} is given twice, dotted and nested", file=file, field=place)
        axes |= found
    return axes


def _axis(given: dict[Any, Any], file: Path, place: str) -> Axis:
    kind = _kind(given, file, place)
    _refuse_others(given, (*KINDS[kind], "distribution"), file, place)
    if missing := next((name for name in KINDS[kind] if name not in given and name != "q"), None):
        raise InputError(f"{kind} needs {missing}:", file=file, field=place)
    if kind == "constant":
        return Axis(1, (given["value"],))
    if kind == "categorical":
        return _listed(given["values"], file, place)
    return _range(kind, given["min"], given["max"], given.get("q", 1), file, place)


def _kind(given: dict[Any, Any], file: Path, place: str) -> str:
    if "probabilities" in given:
        message = "probabilities are for random search on W&B's server; a grid takes each value once"
        raise InputError(message, file=file, field=f"{place}.probabilities")
    if "distribution" in given:
        kind = given["distribution"]
        if kind not in KINDS:
            hint = did_you_mean(str(kind), KINDS)
            message = f"a grid has {', '.join(KINDS)}, got {show(kind)}{hint}; others are drawn on W&B's server"
            raise InputError(message, file=file, field=f"{place}.distribution")
        return str(kind)
    for kind, name in (("constant", "value"), ("categorical", "values")):
        if name in given:
            return kind
    if all(type(given.get(name)) is int for name in ("min", "max")):
        return "int_uniform"
    other = next((key for key in given if key not in KEYS), None)
    hint = did_you_mean(str(other), KEYS) if other else ""
    message = f"has neither value nor values{hint}; distributions are drawn on W&B's server"
    raise InputError(message, file=file, field=place)


def _refuse_others(given: dict[Any, Any], allowed: Sequence[str], file: Path, place: str) -> None:
    if other := next((key for key in given if key not in allowed), None):
        message = f"{show(other)} does not go with {allowed[0]}{did_you_mean(str(other), KEYS)}"
        raise InputError(message, file=file, field=place)


def _listed(values: Any, file: Path, place: str) -> Axis:
    if not isinstance(values, list) or not values:
        raise InputError(f"expected a list, got {show(values)}", file=file, field=f"{place}.values")
    seen: set[str] = set()
    for value in values:
        text = json.dumps(value, sort_keys=True, default=str)
        if text in seen:
            raise InputError(f"holds {text} twice", file=file, field=f"{place}.values")
        seen.add(text)
    return Axis(len(values), values)


def _range(kind: str, low: Any, high: Any, step: Any, file: Path, place: str) -> Axis:
    """W&B's grid search takes both ends of whole numbers, and of steps all below the end."""
    for name, value in (("min", low), ("max", high), ("q", step)):
        if type(value) not in ((int,) if kind == "int_uniform" else (int, float)) or not abs(value) <= 1e15:
            raise InputError(f"expected a number, got {show(value)}", file=file, field=f"{place}.{name}")
    if step <= 0:
        raise InputError(f"expected a number above 0, got {show(step)}", file=file, field=f"{place}.q")
    count = high - low + 1 if kind == "int_uniform" else math.ceil((high - low) / step)
    if count < 1:
        raise InputError(f"no value is in the range from {show(low)} to {show(high)}", file=file, field=place)
    if kind == "q_uniform":  # as NumPy's arange gives them, which W&B calls
        low = low if type(low) is type(step) is type(high) is int else float(low)
        step = (low + step) - low
    return Axis(count, start=low, step=step)
