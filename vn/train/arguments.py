"""The command line of the Lightning commands: short flags expanded, values within bounds, one-line errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean, show
from vn.generation.clash import clash
from vn.io.files import parse_json, read_json, read_yaml
from vn.renamed import current_key, with_current_names
from vn.run_paths import check_data, moved
from vn.shipped import find
from vn.train.named_here import refuse

PAPER_ABLATIONS = ("no_lora", "no_storyline", "no_position", "no_compression", "no_memory")
ABLATIONS = ("full", *PAPER_ABLATIONS, "memory_none", "text_only")

# Smallest and largest value of a number: outside, it is a mistake that would fail late, or silently do harm.
BOUNDS: dict[str, tuple[float, float]] = {
    "seed_everything": (0, 2**32 - 1),
    "checkpoint_every": (1, 1e9),
    "model.max_length": (1, 1e7),
    "model.lora.rank": (0, 1e5),
    "model.lora.alpha": (0, 1e6),
    "model.lora.dropout": (0, 1),
    "model.optimization.lr": (0, 1e3),
    "model.optimization.warmup": (0, 1),
    "model.optimization.weight_decay": (0, 1e3),
    "model.visual.threshold": (-1, 1),
    "model.visual.memory_length": (1, 1e5),
    "model.visual.frames": (1, 1e4),
    "model.word_range.rate": (0.01, 1e3),
    "model.word_range.margin": (0, 1e4),
    "data.cache_gb": (0.01, 1e9),
    "data.clips_per_step": (1, 1e6),
    "data.block_shards": (1, 1e9),
    "data.workers": (0, 1024),
    "data.bad_samples": (0, 1e9),
    "data.limit": (1, 1e9),
    "data.seed": (0, 2**32 - 1),
    "test.decoding.max_new_tokens": (1, 1e5),
    "test.decoding.temperature": (0, 100),
    "test.decoding.top_k": (1, 1e6),
    "test.decoding.repetition_penalty": (0.01, 100),
    "test.decoding.no_repeat_ngram": (0, 1e4),
    "test.decoding.beams": (1, 64),
    "test.decoding.seed": (0, 2**32 - 1),
}


CLASHING = (("beams", 1), ("temperature", 0), ("drafts", "none"))

DEBUG: dict[str, tuple[str, ...]] = {
    "fast": (
        *("--data.limit", "4", "--data.clips_per_step", "8", "--trainer.max_epochs", "1", "--trainer.max_steps", "-1"),
        *("--checkpoint_every", "1", "--trainer.log_every_n_steps", "1", "--trainer.logger", "false"),
    ),
    "overfit": (
        *("--data.limit", "4", "--data.evaluate_on", "train", "--data.clips_per_step", "1000000"),
        *("--trainer.max_epochs", "100", "--trainer.max_steps", "-1", "--trainer.check_val_every_n_epoch", "20"),
        *("--model.lora.dropout", "0", "--model.optimization.schedule", "constant"),
        *("--trainer.log_every_n_steps", "1", "--trainer.logger", "false"),
    ),
}


def expand(argv: list[str]) -> list[str]:
    """Expand our short flags: ``--run DIR``, ``--ablation NAME``, ``--debug fast | overfit`` and JSON parameters.

    ``--config JSON``, the parameters of a sweep's point as text or in a file ``*.json``, becomes one flag per
    parameter; keys may be dotted. ``--run DIR`` becomes that run's configuration and folder, ``--ablation NAME`` the
    overlay ``ablations/NAME.yaml`` beside the experiment file, else the shipped one, and a debug preset its settings:
    each is placed right after the experiment, so that later flags still win. ``--config NAME`` becomes the path of a
    shipped experiment (`vn.shipped`).
    """
    args: list[str] = []
    for arg in argv:  # --key=value to --key value, for these only
        key, equals, value = arg.partition("=")
        args += [key, value] if equals and key in ("--run", "--ablation", "--debug", "--config", "-c") else [arg]
    args = [_current_flag(arg) for arg in _spell_parameters(args)]
    out: list[str] = []
    overlay: Path | None = None
    preset: tuple[str, ...] = ()
    i = 0
    while i < len(args):
        arg, value = args[i], args[i + 1] if i + 1 < len(args) else ""
        if arg == "--run":
            run = Path(value)
            if not (run / "config.yaml").exists():
                raise InputError("no run here (config.yaml is missing)", file=value or "--run")
            if not any(each.partition("=")[0] == "--data.folder" for each in args):
                check_data(run / "config.yaml")
            out += ["--config", str(run / "config.yaml"), *_places(run / "config.yaml")]
            out += ["--runs", str(run.parent), "--name", run.name]
            i += 2
        elif arg == "--ablation":
            if value not in ABLATIONS:
                raise InputError(
                    f"expected one of {', '.join(ABLATIONS)}; got {value!r}{did_you_mean(value, ABLATIONS)}",
                    field="--ablation",
                )
            overlay = Path("ablations") / f"{value}.yaml"
            out += [arg, value]
            i += 2
        elif arg == "--debug":
            if value not in DEBUG:
                message = f"expected one of {', '.join(DEBUG)}; got {value!r}{did_you_mean(value, DEBUG)}"
                raise InputError(message, field="--debug")
            preset = DEBUG[value]
            out += [arg, value]
            i += 2
        else:
            out.append(arg)
            i += 1
    if preset:
        places = [n for n, arg in enumerate(out) if arg in ("--config", "-c")]
        after = places[-1] + 2 if places else 0
        out[after:after] = preset
    if overlay is not None:
        places = [n for n, arg in enumerate(out) if arg in ("--config", "-c")]
        if not places:
            raise InputError("--ablation overlays an experiment; give --config NAME or a file too")
        experiment = Path(out[places[-1] + 1])
        beside = experiment.parent / overlay
        file = beside if beside.exists() else find("experiments", Path("experiments") / overlay)
        out[places[-1] + 2 : places[-1] + 2] = ["--config", str(file)]
    return out


def _current_flag(arg: str) -> str:
    """A flag under its current name."""
    key, equals, value = arg.partition("=")
    return f"--{current_key(key[2:])}{equals}{value}" if key.startswith("--") else arg


def _places(config: Path) -> list[str]:
    """Flags for paths that have moved together with a run."""
    return [word for key, place in moved(config).items() for word in (f"--{key}", place)]


def _spell_parameters(args: list[str]) -> list[str]:
    """Replace configurations that are JSON by flags."""
    out: list[str] = []
    i = 0
    while i < len(args):
        value = args[i + 1] if args[i] in ("--config", "-c") and i + 1 < len(args) else ""
        inline = value.lstrip().startswith("{")
        if not inline and not value.endswith(".json"):
            out += [args[i], str(find("experiments", value))] if value else [args[i]]
            i += 2 if value else 1
            continue
        parameters = parse_json(value, "--config") if inline else read_json(value)
        if not isinstance(parameters, dict):
            raise InputError(f"expected parameters by name, got {show(parameters)}", file=value)
        for key, given in _leaves(parameters):
            refuse(current_key(key), given, "--config" if inline else value)
            text = given if isinstance(given, str) else json.dumps(given)
            out += [f"--{key}", text] if key in ("run", "ablation", "debug") else [f"--{key}={text}"]
        i += 2
    return out


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def read_configs(args: list[str]) -> dict[Path, dict[str, Any]]:
    """The configuration files given in the arguments, parsed; errors name the file, unlike jsonargparse's."""
    files = [Path(args[n + 1]) for n, arg in enumerate(args[:-1]) if arg in ("--config", "-c")]
    configs = {}
    for file in files:
        data = read_yaml(file)
        if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
            raise InputError(f"expected settings by name, got {show(data)}", file=file)
        configs[file] = with_current_names(data)
    return configs


def check(settings: Mapping[str, Any], defaults: Mapping[str, Any], configs: dict[Path, dict[str, Any]]) -> None:
    """Raise if a parsed setting is out of its bounds, null although it may not be, or not a valid path.

    Args:
        settings: dotted key -> value.
        defaults: dotted key -> default value.
        configs: the files that `read_configs` returned.
    """
    groups = {".".join(key.split(".")[:n]) for key in defaults for n in range(1, key.count(".") + 1)}
    for group in sorted(groups):
        if (file := file_of(group, configs)) and not isinstance(given := _value(configs[file], group), dict):
            raise InputError(f"expected settings by name, got {show(given)}", file=file, field=group)
    for key, value in settings.items():
        file = file_of(key, configs)
        if file and isinstance(stands := _value(configs[file], key), int | float) and stands != value:
            file = None  # a flag overrides it
        if isinstance(value, str) and "\0" in value:
            raise InputError(f"contains a NUL character: {show(value)}", file=file, field=key)
        if value is None and defaults.get(key) is not None and not key.startswith("trainer."):
            raise InputError(f"expected a value like {show(defaults[key])}, got null", file=file, field=key)
        if key in BOUNDS and value is not None:
            least, most = BOUNDS[key]
            if not least <= value <= most:  # so NaN is refused too
                raise InputError(f"expected {least:g} to {most:g}, got {show(value)}", file=file, field=key)
    asked = (settings.get(f"test.decoding.{name}", usual) for name, usual in CLASHING)
    if problem := clash(*asked):
        raise InputError(problem, file=file_of("test.decoding.beams", configs), field="test.decoding.beams")
    name = settings.get("name")
    if name is not None and (name in ("", ".", "..") or "/" in name or len(name.encode()) > 200):
        message = f"expected the name of a folder inside --runs; got {show(name)}"
        raise InputError(message, file=file_of("name", configs), field="name")


def file_of(key: str, configs: dict[Path, dict[str, Any]]) -> Path | None:
    """The last of the files that sets a dotted key; None if none does: it was given on the command line."""
    return next((file for file in reversed(configs) if _value(configs[file], key) is not _ABSENT), None)


_ABSENT = object()


def _value(data: Any, key: str) -> Any:
    for name in key.split("."):
        data = data.get(name, _ABSENT) if isinstance(data, dict) else _ABSENT
    return data


_UNKNOWN = re.compile(
    r"(?:[Uu]nrecognized arguments: -*|does not accept option '|[Kk]ey '|Unknown key '|Option ')([\w.]+)"
)
_WRONG = re.compile(r'Parser key "([^"]+)": (.*)')
_GROUP = re.compile(r"Group '([\w.]+)' does not accept")


def explain(error: Exception, known: list[str], configs: dict[Path, dict[str, Any]]) -> InputError:
    """jsonargparse's message as one sentence: file and key first, with a suggestion if a key is unknown.

    Args:
        error: its ArgumentError.
        known: the dotted keys that there are.
        configs: the files that `read_configs` returned.
    """
    text = " ".join(str(error).split())
    only = next(iter(configs)) if len(configs) == 1 else None
    if wrong := _WRONG.search(text):
        key, message = wrong.groups()
        return InputError(_expected(message), file=file_of(key, configs), field=key)
    if unknown := _UNKNOWN.search(text):
        key = unknown.group(1)
        parents, _, leaf = key.rpartition(".")
        hint = did_you_mean(key, known) if parents else did_you_mean(leaf, {k.rpartition(".")[2] for k in known})
        group = _GROUP.search(text)
        return InputError(text + hint, file=file_of(f"{group.group(1)}.{key}" if group else key, configs) or only)
    return InputError(text, file=only)


def _expected(message: str) -> str:
    """The error about a union of types, without the names of Python's typing classes."""
    kinds = [_plain(kind) for kind in re.findall(r"- Expected an? (.+?)(?= - | Given |$)", message)]
    given = re.search(r"Given value: (.*)", message)
    if "Union" not in message or not kinds or not given:
        return message
    return f"expected {' or '.join(dict.fromkeys(kinds))}, got {given.group(1)}"


def _plain(kind: str) -> str:
    kind = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", kind)
    return re.sub(r"typing\.Literal\[(.*)\]", r"\1", kind).replace("NoneType", "null")
