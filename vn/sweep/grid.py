"""A W&B sweep file read as a grid: its points, each with a name, a stable run id and a command.

The command's macros are expanded by W&B's own code, so that one file serves ``wandb agent`` and ``vn sweep``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vn.environment import is_set
from vn.errors import InputError, did_you_mean, show
from vn.io.files import read_yaml
from vn.io.urls import recorded_tree
from vn.shipped import find
from vn.sweep.axes import Axis, axes_of

HONOURED = (
    *("method", "parameters", "command", "metric", "name", "description", "entity", "project", "program", "run_cap"),
    *("apiVersion", "kind"),
)
ON_SERVER = "is for W&B's server (wandb sweep, wandb agent)"
REFUSED = {
    "early_terminate": f"{ON_SERVER}, which stops runs; vn sweep runs every point to its end: leave it out",
    "controller": f"{ON_SERVER}; vn sweep needs none: leave it out",
    "scheduler": f"{ON_SERVER}; vn sweep runs grids: leave it out",
    "metrics": "several metrics steer a search on W&B's server; give metric: with a name and a goal",
    "job": "is for W&B Launch; give a command: with vn run, vn fit, vn test or vn baseline",
    "image_uri": "is for W&B Launch; give a command: with vn run, vn fit, vn test or vn baseline",
}
MOST_POINTS = 10_000
COMMANDS = ("run", "fit", "test", "baseline")
LONGEST_NAME = 80


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        name: readable name, of its folder too.
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
        name: name of the folder with all runs.
        file: the sweep file.
        command: the command as in the file, with macros.
        points: the points in the file's order, the last parameter varying fastest; at most ``run_cap``.
        total: number of points of the whole grid.
        metric: ``name`` and ``goal`` (minimize or maximize); empty if the file has none.
        description: the file's description; empty if it has none.
        program: the value of ``${program}``.
        environment: W&B's project and entity, if the file sets them and the user's environment does not.
    """

    name: str
    file: Path
    command: list[str]
    points: list[Point]
    total: int = 0
    metric: dict[str, str] = field(default_factory=dict)
    description: str = ""
    program: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


def read_sweep(file: Path, name: str | None = None, extra: Sequence[str] = ()) -> Sweep:
    """Read a sweep file.

    Args:
        file: a file as for ``wandb sweep``.
        name: name of the sweep; None takes the file's.
        extra: flags to append to the command.

    Raises:
        InputError: it is not a grid, has more than `MOST_POINTS` points or a key that would be ignored, or its command
            is not one of ours.
    """
    file = find("sweeps", file)
    data = recorded_tree(read_yaml(file))
    if not isinstance(data, dict):
        raise InputError(f"expected a sweep's settings by name, got {show(data)}", file=file)
    method = data.get("method")
    if method != "grid":
        if method in ("bayes", "random"):
            message = f"{method} draws its points on W&B's server (wandb sweep, wandb agent); vn sweep runs grids"
        else:
            message = f"expected grid, got {show(method)}"
        raise InputError(message, file=file, field="method")
    _check_keys(data, file)
    titled = re.sub(r"[^0-9A-Za-z._+-]", "_", data.get("name", "")).lstrip(".")[:200]
    name = name or titled or file.stem
    axes = axes_of(data.get("parameters"), file)
    varied = [key for key, axis in axes.items() if axis.count > 1]
    grid, total = _grid(axes, data.get("run_cap"), file)
    sweep = Sweep(
        name,
        file,
        [*_command(data, file), *extra],
        _points(name, grid, varied or list(axes)),
        total,
        _metric(data, file),
        data.get("description", ""),
        data.get("program"),
        {
            variable: data[key]
            for key, variable in (("project", "WANDB_PROJECT"), ("entity", "WANDB_ENTITY"))
            if key in data and not is_set(variable)
        },
    )
    for point in sweep.points[:1]:
        command_of(sweep, point, Path())  # an error in one is an error in all
    return sweep


def _command(data: dict[Any, Any], file: Path) -> list[str]:
    command, program = data.get("command"), data.get("program")
    if not isinstance(command, list) or not command:
        raise InputError("expected a list of words, such as vn, run, --config ...", file=file, field="command")
    words = [str(word) for word in command]
    if program is not None and program not in words and "${program}" not in words:
        message = f"{show(program)} is not in the command; write it there, or ${{program}}"
        raise InputError(message, file=file, field="program")
    return words


def _check_keys(data: dict[Any, Any], file: Path) -> None:
    """Raise if a key would be ignored."""
    for key in data:
        if key in REFUSED:
            raise InputError(REFUSED[key], file=file, field=str(key))
        if key not in HONOURED:
            hint = did_you_mean(str(key), (*HONOURED, *REFUSED))
            raise InputError(f"is not a sweep key that vn sweep supports{hint}", file=file, field=show(key))
    for key in ("name", "description", "entity", "project", "program"):
        if key in data and (not isinstance(data[key], str) or not data[key].strip()):
            raise InputError(f"expected a text, got {show(data[key])}", file=file, field=key)
    if data.get("kind", "sweep") != "sweep":
        raise InputError(f"expected sweep, got {show(data['kind'])}", file=file, field="kind")


def _metric(data: dict[Any, Any], file: Path) -> dict[str, str]:
    """Name and goal; empty if the file has no metric."""
    given = data.get("metric")
    if given is None:
        return {}
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise InputError(f"expected name: and goal:, got {show(given)}", file=file, field="metric")
    for key in given:
        if key not in ("name", "goal"):
            message = "steers a search on W&B's server; vn sweep runs every point to its end"
            raise InputError(message, file=file, field=f"metric.{key}")
    goal = given.get("goal", "minimize")
    if goal not in ("minimize", "maximize"):
        raise InputError(f"expected minimize or maximize, got {show(goal)}", file=file, field="metric.goal")
    return {"name": given["name"], "goal": goal}


def _grid(axes: dict[str, Axis], cap: Any, file: Path) -> tuple[list[dict[str, Any]], int]:
    """The points to run and the number of points of the grid, which is counted before any is made."""
    if cap is not None and (type(cap) is not int or cap < 1):
        raise InputError(f"expected 1 or more, got {show(cap)}", file=file, field="run_cap")
    total = math.prod(axis.count for axis in axes.values())
    wanted = total if cap is None else min(total, cap)
    if wanted > MOST_POINTS:
        message = f"make {total:,} points, more than {MOST_POINTS:,}: give fewer values, or run_cap: to run the first"
        raise InputError(message, file=file, field="parameters")
    return [_nth(axes, n) for n in range(wanted)], total


def _nth(axes: dict[str, Axis], n: int) -> dict[str, Any]:
    """The n-th point of the product, the last axis varying fastest."""
    point = {}
    for key, axis in reversed(axes.items()):
        n, index = divmod(n, axis.count)
        point[key] = axis[index]
    return {key: point[key] for key in axes}


def _points(sweep: str, grid: Sequence[dict[str, Any]], varied: Sequence[str]) -> list[Point]:
    names = ["-".join(_word(key, point[key]) for key in varied) for point in grid]
    times = Counter(names)
    points = []
    for name, parameters in zip(names, grid, strict=True):
        text = json.dumps([sweep, parameters], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        if times[name] > 1 or len(name) > LONGEST_NAME:
            name = f"{name[:LONGEST_NAME]}-{digest}"
        points.append(Point(name, f"{name}-{digest}", parameters))
    return points


def _word(key: str, value: Any) -> str:
    """A parameter in a name: words as they are, numbers after the last part of their key."""
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
    """The command of one point.

    Attributes:
        words: ``vn``, its command and all flags.
        environment: variables that the sweep file sets before ``vn``.
        folder: folder of the point.
        finished: the file that exists when the run is finished.
        parameters_file: the JSON file for the parameters, if the command reads them from a file.
    """

    words: list[str]
    environment: dict[str, str]
    folder: Path
    finished: Path
    parameters_file: Path | None


def command_of(sweep: Sweep, point: Point, runs: Path) -> Command:
    """The command of a point, as W&B's agent would run it, ending with the point's folder.

    Args:
        sweep: the sweep.
        point: one of its points.
        runs: the folder of the sweep.

    Raises:
        InputError: ``vn sweep`` cannot run the command.
    """
    folder = runs / point.name
    parameters_file = folder / "parameters.json"
    words = _spell(sweep, point.parameters, parameters_file)
    environment = dict(sweep.environment)
    while words and "=" in words[0]:
        key, _, value = words.pop(0).partition("=")
        environment[key] = value
    if words[:3] == ["python", "-m", "vn.cli"]:  # ${interpreter} -m vn.cli
        words[:3] = ["vn"]
    if len(words) < 2 or words[0] != "vn" or words[1] not in COMMANDS:
        message = f"expected vn {', vn '.join(COMMANDS)}; got {show(' '.join(words[:2]))}"
        raise InputError(message, file=sweep.file, field="command")
    if words[1] == "test":
        words += ["--out", str(folder)]
    else:
        words += ["--runs", str(runs), "--name", point.name]
    finished = folder / _last_written(words)
    return Command(words, environment, folder, finished, parameters_file if str(parameters_file) in words else None)


def _last_written(words: Sequence[str]) -> str:
    """What a point's folder has when its command has finished."""
    if words[1] == "fit":
        return "adapter"
    return "stories.jsonl" if words[1] == "baseline" and "--no-score" in words else "scores.json"


def _spell(sweep: Sweep, parameters: Mapping[str, Any], parameters_file: Path) -> list[str]:
    """The command's words with W&B's macros expanded, except ``${env}``: a process has an environment anyway."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    given = create_sweep_command_args({"args": {key: {"value": value} for key, value in parameters.items()}})
    macros = {f"${{{name}}}": words for name, words in given.items() if isinstance(words, list)}
    if sweep.program is not None:
        macros["${program}"] = [sweep.program]
    macros |= {"${env}": [], "${interpreter}": ["python"], "${args_json_file}": [str(parameters_file)]}
    words: list[str] = []
    for part in create_sweep_command(list(sweep.command)):
        if re.fullmatch(r"\$\{.*\}", part) and part not in macros:
            hint = did_you_mean(part, macros)
            raise InputError(f"no macro {part}{hint}", file=sweep.file, field="command")
        words += macros.get(part, [part])
    return words
