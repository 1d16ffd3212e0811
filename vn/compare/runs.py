"""Finds and reads the runs that are compared: run folders and sweeps, including what is wrong with some of them.

Reads what every run folder has (docs/design.md#run-folder): ``config.yaml``, ``metrics.jsonl``, ``stories.jsonl``,
``predictions.<setting>.jsonl``, ``scores.json``, and ``cost.json`` if there is one. A folder of another program's
predictions needs only predictions and stories: it is a variant of its own, named after the folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean, show
from vn.io.files import read_json, read_text
from vn.renamed import current_key
from vn.score.predictions import Test, gather, parse_stories, read_lines
from vn.score.run_config import CONFIG, run_config
from vn.story import Story

Known = dict[bytes, tuple[Story, ...]]
STORIES, CURVES, SCORES, COST, SWEEP = "stories.jsonl", "metrics.jsonl", "scores.json", "cost.json", "sweep.json"
CARD = Path("adapter/narrator.json")
SETTINGS = ("predicted", "given")
UNFINISHED = "unfinished"
OF_TESTS = re.compile(
    r"run|config|out|test\.storyline|test\.decoding\.drafts|trainer\..*"
)  # settings that do not distinguish variants of a test
_FLAG = re.compile(r"--([\w.]+)=(.*)")
_SEED = re.compile(r"[-_.@ ]?seed[-_=]?(\d+)$")
# Settings that change no result, or only where it is stored: runs that differ in nothing else are one variant.
MUTE = re.compile(
    r"seed_everything|name|runs|out|resume|adapter|debug|ablation|checkpoint_every|test\.storyline|test\.decoding\.drafts|data\.(workers|"
    r"videos_at_once)|trainer\.(logger.*|enable_.*|default_root_dir|accelerator|strategy.*|devices|num_nodes|"
    r"accumulate_grad_batches|log_every_n_steps)|stories\.path|settings\.(.*[._])?seed"
)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        name: name for readers; unique among the runs.
        folder: the run folder.
        ablation: its name in the configuration; of another system, the system's.
        seed: random seed of the training.
        config: the configuration, dotted key -> value.
        curves: lines of ``metrics.jsonl``.
        tests: the tests by setting.
        scores: ``scores.json``; empty if there is none.
        cost: what a clip costs, e.g. ``visual_tokens`` and ``flops``.
        encoder: id of the frame encoder; None if the adapter does not state it.
    """

    name: str
    folder: Path
    ablation: str
    seed: int
    config: Mapping[str, Any]
    curves: tuple[Mapping[str, Any], ...]
    tests: Mapping[str, Test]
    scores: Mapping[str, Mapping[str, Any]]
    cost: Mapping[str, float] = field(default_factory=dict)
    encoder: str | None = None

    @property
    def is_other_system(self) -> bool:
        """Whether another system than a narrator of ours wrote it."""
        return self.config.get("baseline") is not None or not self.config

    @property
    def stem(self) -> str | None:
        """The name without its seed; None if it does not end in the seed."""
        match = _SEED.search(self.name)
        return self.name[: match.start()] if match and int(match.group(1)) == self.seed and match.start() else None

    @property
    def setup(self) -> tuple[tuple[str, str], ...]:
        """All settings that may change a result, except the seed."""
        return tuple(sorted((k, str(v)) for k, v in self.config.items() if not MUTE.fullmatch(k)))


@dataclass(frozen=True)
class LeftOut:
    """A run that is not compared, and why; `state` is ``failed``, ``unfinished`` or ``left out``."""

    name: str
    state: str
    reason: str


@dataclass(frozen=True)
class _Place:
    """A folder to read: its configuration file, settings that differ from it, and its variant's name if it has one."""

    name: str
    folder: Path
    config: Path
    variant: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


def find_runs(
    paths: Sequence[Path], on_run: Callable[[str], None] = lambda name: None
) -> tuple[list[Run], list[LeftOut]]:
    """Read all runs of the given run folders and sweeps.

    Args:
        paths: run folders, and folders of run folders.
        on_run: called with the name of the run that is read next.

    Returns:
        The finished runs in the order given, and those that cannot be compared.

    Raises:
        InputError: a path has no run, or none that is finished.
    """
    runs: list[Run] = []
    left_out: list[LeftOut] = []
    seen: set[Path] = set()
    known: Known = {}
    for path in paths:
        places, bad = _places(path)
        left_out += bad
        for place in places:
            if place.folder.resolve() in seen:
                continue
            seen.add(place.folder.resolve())
            on_run(place.name)
            if not any(place.folder.glob("predictions.*.jsonl")):
                reason = "has no predictions yet; run its command again to continue it"
                left_out.append(LeftOut(place.name, UNFINISHED, reason))
                continue
            try:
                runs.append(_read(place, known))
            except InputError as error:
                left_out.append(LeftOut(place.name, "left out", str(error)))
    if not runs:
        why = f": {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise InputError(f"there is no finished run to compare{why}", file=paths[0] if len(paths) == 1 else None)
    return _named_apart(runs), _dedupe(left_out)


def _places(path: Path) -> tuple[list[_Place], list[LeftOut]]:
    """The run folders under a path, and the points of a sweep without one."""
    if not path.exists():
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*")] if path.parent.is_dir() else [])
        raise InputError(f"no such run or sweep{near}", file=path)
    if not path.is_dir():
        raise InputError("expected a run folder or a folder of run folders, got a file", file=path)
    if _is_run(path):
        return [_Place(path.name, path, path / CONFIG), *_controls(path)], []
    points, flags = _points(path)
    places, left_out, shown = [], [], set()
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        point = points.get(folder.name, {})
        state = point.get("state", "finished")
        shown.add(folder.name)
        if state == "failed":
            left_out.append(LeftOut(folder.name, "failed", str(point.get("error") or "see its output.log")))
        elif _is_run(folder):
            config, changes = folder / CONFIG, {}
            parameters = point.get("parameters") or {}
            if not config.is_file() and isinstance(parameters.get("run"), str):  # a test of another run's adapter
                config = _tested(path, Path(parameters["run"])) / CONFIG
                changes = {current_key(k): v for k, v in (flags | parameters).items() if not OF_TESTS.fullmatch(k)}
            places += [_Place(folder.name, folder, config, changes=changes), *_controls(folder)]
        elif folder.name in points:
            left_out.append(LeftOut(folder.name, UNFINISHED, f"is {state}"))
    for name, point in points.items():
        if name not in shown:
            state = point.get("state", "pending")
            reason = str(point.get("error") or f"is {state}, it has no folder")
            left_out.append(LeftOut(name, "failed" if state == "failed" else UNFINISHED, reason))
    if not places and not left_out:
        raise InputError("has no run (no config.yaml, in it or one level below)", file=path)
    return places, left_out


def _is_run(folder: Path) -> bool:
    return (folder / CONFIG).is_file() or any(folder.glob("predictions.*.jsonl"))


def _controls(run: Path) -> list[_Place]:
    """Tests of a run that have folders of their own, such as one with other videos' frames."""
    found = sorted(p.parent for p in run.glob(f"*/{STORIES}") if not (p.parent / CONFIG).exists())
    return [_Place(f"{run.name}/{p.name}", p, run / CONFIG, p.name) for p in found if _is_run(p)]


def _tested(sweep: Path, run: Path) -> Path:
    """The run that a point of a sweep tested; both sweeps may have been moved together."""
    beside = sweep.resolve().parent / run.parent.name / run.name
    return beside if beside.exists() and not run.exists() else run


def _points(sweep: Path) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """The points of a sweep by name, and the settings that its command gives to all of them."""
    file = sweep / SWEEP
    if not file.is_file():
        return {}, {}
    data = read_json(file)
    points = data.get("points") if isinstance(data, dict) else None
    if not isinstance(points, list) or not all(isinstance(p, dict) and isinstance(p.get("name"), str) for p in points):
        raise InputError("expected points by name", file=file, field="points")
    flags = {}
    for word in data.get("command") or ():
        if isinstance(word, str) and (match := _FLAG.fullmatch(word)):
            flags[match[1]] = {"true": True, "false": False}.get(match[2], match[2])
    return {point["name"]: point for point in points}, flags


def _read(place: _Place, known: Known) -> Run:
    """Read a run.

    Args:
        place: where it is.
        known: the stories of the runs read before, by their file's hash: runs of one study have the same.
    """
    config = {**run_config(place.config), **place.changes} if place.config.is_file() else dict(place.changes)
    ablation, seed = _variant(place, config)
    stories_file = place.folder / STORIES
    content = sha256(read_text(stories_file).encode()).digest()
    stories: Sequence[Mapping[str, Any] | Story] = known.get(content) or read_lines(stories_file)
    tests = {}
    dtypes: set[str] = set()
    for file in sorted(place.folder.glob("predictions.*.jsonl")):
        setting = file.name.removeprefix("predictions.").removesuffix(".jsonl")
        given = setting == "given"
        lines = read_lines(file)
        dtypes |= {str(line["dtype"]) for line in lines if line.get("dtype")}
        tests[setting] = gather(lines, stories, storyline_given=given, file=file, stories_file=stories_file)
        if content not in known:
            stories = known[content] = parse_stories(stories, stories_file)
    if config:  # a later test may have had another one than the configuration
        config["test.dtype"] = ", ".join(sorted(dtypes)) or None
    scores = read_json(place.folder / SCORES) if (place.folder / SCORES).is_file() else {}
    if not isinstance(scores, dict) or not all(isinstance(m, dict) for m in scores.values()):
        raise InputError("expected scores by setting and metric", file=place.folder / SCORES)
    curves = place.folder / CURVES
    cost = read_json(place.folder / COST) if (place.folder / COST).is_file() else {}
    if not isinstance(cost, dict) or not all(isinstance(v, int | float) for v in cost.values()):
        raise InputError("expected numbers by name", file=place.folder / COST)
    return Run(
        name=place.name,
        folder=place.folder,
        ablation=place.variant or ", ".join([ablation, *(f"{k.split('.')[-1]}={v}" for k, v in place.changes.items())]),
        seed=seed if isinstance(seed, int) else 0,
        config=config,
        curves=tuple(read_lines(curves)) if curves.is_file() and place.config.parent == place.folder else (),
        tests=tests,
        scores=scores,
        cost=cost,
        encoder=_encoder(place.config.parent / CARD),
    )


def _variant(place: _Place, config: Mapping[str, Any]) -> tuple[str, Any]:
    """A run's ablation or system, and its seed; without a configuration, both are in its folder's name."""
    if not place.config.is_file():
        name = place.folder.resolve().name
        seed = _SEED.search(name)
        return (name[: seed.start()], int(seed.group(1))) if seed and seed.start() else (name, 0)
    key = "system" if config.get("baseline") is not None else "ablation"
    name = config.get(key) or "full"
    if not isinstance(name, str):
        raise InputError(f"expected a name, got {show(name)}", file=place.config, field=key)
    return name, config.get("seed_everything")


def _encoder(file: Path) -> str | None:
    card = read_json(file) if file.is_file() else None
    encoder = card.get("encoder") if isinstance(card, dict) else None
    return str(encoder["id"]) if isinstance(encoder, dict) and "id" in encoder else None


def _named_apart(runs: Sequence[Run]) -> list[Run]:
    """Runs of the same name get their parent folder's name in front, and so do variants that are named after them."""
    names = [run.name for run in runs]
    apart = []
    for run in runs:
        parent = f"{run.folder.resolve().parent.name}/" if names.count(run.name) > 1 else ""
        ablation = run.ablation if run.config else f"{parent}{run.ablation}"
        apart.append(replace(run, name=f"{parent}{run.name}", ablation=ablation))
    return apart


def _dedupe(left_out: Iterable[LeftOut]) -> list[LeftOut]:
    return list(dict.fromkeys(left_out))
