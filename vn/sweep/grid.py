"""A W&B sweep file read as a grid: its points, each with a name, a stable run id and a command.

The command's macros are spelled out by W&B's own code, so that one file serves ``wandb agent`` and ``vn sweep``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean, show
from vn.files import read_yaml

KEYS = ("value", "values", "parameters", "distribution", "probabilities")
COMMANDS = ("run", "fit", "test")
LONGEST_NAME = 80


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        name: readable, of its folder.
        id: W&B's run id: the same whenever this point of this sweep is run.
        parameters: key -> value; keys may be dotted, values nested.
    """

    name: str
    id: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A grid.

    Attributes:
        name: of the folder with all runs.
        file: the sweep file.
        command: W&B's, macros and all.
        points: in the file's order, the last parameter varying fastest.
    """

    name: str
    file: Path
    command: list[str]
    points: list[Point]


def read_sweep(file: Path, name: str | None = None, extra: Sequence[str] = ()) -> Sweep:
    """Read a sweep file.

    Args:
        file: as for ``wandb sweep``.
        name: of the sweep; None takes the file's.
        extra: flags at the end of the command.

    Raises:
        InputError: it is no grid over given values, or its command is none of ours.
    """
    data = read_yaml(file)
    if not isinstance(data, dict):
        raise InputError(f"expected a sweep's settings by name, got {show(data)}", file=file)
    method = data.get("method")
    if method != "grid":
        if method in ("bayes", "random"):
            message = f"{method} draws its points on W&B's server (wandb sweep, wandb agent); vn sweep runs grids"
        else:
            message = f"expected grid, got {show(method)}"
        raise InputError(message, file=file, field="method")
    name = name or file.stem
    command = data.get("command")
    if not isinstance(command, list) or not command:
        raise InputError("expected a list of words, such as vn, run, --config ...", file=file, field="command")
    axes = _axes(data.get("parameters"), file, "parameters")
    varied = [key for key, values in axes.items() if len(values) > 1]
    grid = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    sweep = Sweep(name, file, [*map(str, command), *extra], _points(name, grid, varied or list(axes)))
    for point in sweep.points[:1]:
        command_of(sweep, point, Path())  # what is wrong with one is wrong with all
    return sweep


def _axes(parameters: Any, file: Path, field: str) -> dict[str, list[Any]]:
    """Dotted key -> the values of its axis."""
    if not isinstance(parameters, dict) or not parameters:
        raise InputError(f"expected parameters by name, got {show(parameters)}", file=file, field=field)
    axes: dict[str, list[Any]] = {}
    for key, axis in parameters.items():
        place = f"{field}.{key}"
        if not isinstance(axis, dict):
            raise InputError(f"expected value: or values:, got {show(axis)}", file=file, field=place)
        if "parameters" in axis:
            nested = _axes(axis["parameters"], file, f"{place}.parameters")
            axes |= {f"{key}.{name}": values for name, values in nested.items()}
        elif "value" in axis:
            axes[str(key)] = [axis["value"]]
        elif "values" in axis:
            values = axis["values"]
            if not isinstance(values, list) or not values:
                raise InputError(f"expected a list, got {show(values)}", file=file, field=f"{place}.values")
            seen = [json.dumps(value, sort_keys=True, default=str) for value in values]
            if twice := next((v for n, v in enumerate(seen) if v in seen[:n]), None):
                raise InputError(f"holds {twice} twice", file=file, field=f"{place}.values")
            axes[str(key)] = values
        else:
            other = next((k for k in axis if k not in KEYS), None)
            hint = did_you_mean(str(other), KEYS) if other else ""
            message = f"has neither value nor values{hint}; distributions are drawn on W&B's server"
            raise InputError(message, file=file, field=place)
    return axes


def _points(sweep: str, grid: Sequence[dict[str, Any]], varied: Sequence[str]) -> list[Point]:
    names = ["-".join(_word(key, point[key]) for key in varied) for point in grid]
    points = []
    for name, parameters in zip(names, grid, strict=True):
        text = json.dumps([sweep, parameters], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        if names.count(name) > 1 or len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{digest}"
        points.append(Point(name, f"{name}-{digest}", parameters))
    return points


def _word(key: str, value: Any) -> str:
    """A parameter in a name: words speak for themselves, numbers after the last part of their key."""
    leaf = key.rpartition(".")[2].removesuffix("_everything")
    if isinstance(value, str):
        text = Path(value).name
    elif value is None or isinstance(value, bool | int | float):
        text = f"{leaf}{json.dumps(value)}" if type(value) in (int, float) else f"{leaf}-{json.dumps(value)}"
    else:
        text = leaf + hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:4]
    return re.sub(r"[^0-9A-Za-z._+-]", "_", text).strip(".-") or leaf


@dataclass(frozen=True)
class Command:
    """What runs a point.

    Attributes:
        words: ``vn``, its command and all flags.
        environment: what the sweep file sets before ``vn``.
        folder: of the point.
        finished: the file that is there when the run is finished.
        parameters_file: where the parameters must lie as JSON, if the command reads them from a file.
    """

    words: list[str]
    environment: dict[str, str]
    folder: Path
    finished: Path
    parameters_file: Path | None


def command_of(sweep: Sweep, point: Point, runs: Path) -> Command:
    """The command of a point, as W&B's agent would spell it, ending with the point's folder.

    Args:
        sweep: the sweep.
        point: one of its points.
        runs: the folder of the sweep.

    Raises:
        InputError: the command is none that ``vn sweep`` can run.
    """
    folder = runs / point.name
    parameters_file = folder / "parameters.json"
    words = _spell(sweep, point.parameters, parameters_file)
    environment: dict[str, str] = {}
    while words and "=" in words[0]:
        key, _, value = words.pop(0).partition("=")
        environment[key] = value
    if len(words) < 2 or words[0] != "vn" or words[1] not in COMMANDS:
        message = f"expected vn {', vn '.join(COMMANDS)}; got {show(' '.join(words[:2]))}"
        raise InputError(message, file=sweep.file, field="command")
    if words[1] == "test":
        words += ["--out", str(folder)]
    else:
        words += ["--runs", str(runs), "--name", point.name]
    finished = folder / ("adapter" if words[1] == "fit" else "scores.json")
    return Command(words, environment, folder, finished, parameters_file if str(parameters_file) in words else None)


def _spell(sweep: Sweep, parameters: Mapping[str, Any], parameters_file: Path) -> list[str]:
    """The command's words with W&B's macros filled in, but for ``${env}``: a process has an environment anyway."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    given = create_sweep_command_args({"args": {key: {"value": value} for key, value in parameters.items()}})
    macros = {f"${{{name}}}": words for name, words in given.items() if isinstance(words, list)}
    macros |= {"${env}": [], "${interpreter}": ["python"], "${args_json_file}": [str(parameters_file)]}
    words: list[str] = []
    for part in create_sweep_command(list(sweep.command)):
        if re.fullmatch(r"\$\{.*\}", part) and part not in macros:
            hint = did_you_mean(part, macros)
            raise InputError(f"no macro {part}{hint}", file=sweep.file, field="command")
        words += macros.get(part, [part])
    return words
