"""Every shipped YAML is parsed against the real signatures, builds its model, and states how it is launched."""

import argparse
import itertools
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.yaml"))
OVERLAYS = sorted((ROOT / "experiments" / "ablations").glob("*.yaml"))
SWEEPS = sorted((ROOT / "sweeps").glob("*.yaml"))
GRIDS = [f for f in SWEEPS if f.stem != "hyperparameters"]
DRAWN = {"log_uniform_values", "uniform"}


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """Parses a command without building anything; gives its settings."""
    from vn.train import narrator_cli
    from vn.train.arguments import expand

    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(narrator_cli.NarratorCLI, "instantiate_classes", lambda self: None)
    monkeypatch.setattr(narrator_cli.NarratorCLI, "after_instantiate_classes", lambda self: None)

    def parsed(name, *argv):
        with ExitStack() as stack:
            return narrator_cli.NarratorCLI(name, expand(list(argv)), stack).settings

    return parsed


@pytest.fixture
def build(monkeypatch, tmp_path, tiny_base, data):
    """Builds an experiment's trainer, data and model on the CPU, with the tiny model and made-up data."""
    from vn.train.arguments import expand
    from vn.train.narrator_cli import NarratorCLI

    monkeypatch.chdir(ROOT)
    tiny = ["--model.base_model", str(tiny_base), "--data.folder", str(data), "--data.workers", "0"]
    tiny += ["--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.strategy", "auto"]
    tiny += ["--trainer.precision", "32-true", "--trainer.logger", "false", "--model.max_length", "4096"]

    def built(*argv):
        cli = NarratorCLI("fit", expand([*argv, *tiny, "--runs", str(tmp_path / "runs")]))
        cli.trainer.strategy._lightning_module = cli.model
        cli.model.trainer = cli.trainer
        cli.trainer.datamodule = cli.datamodule
        cli.model.configure_model()
        return cli

    return built


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda p: p.stem)
def test_an_experiment_is_valid_short_and_says_its_command(parse, file):
    text = file.read_text()
    commands = [line.strip("# \n") for line in text.splitlines() if line.startswith("#   vn ")]
    assert commands, "the header names the exact command"
    words = commands[0].split()
    assert words[0] == "vn"
    assert f"experiments/{file.name}" in words
    settings = parse(words[1], *words[2:], *(["--trainer.accelerator=cpu"] if "gpu" in text else []))
    assert settings.name == file.stem
    assert len([line for line in text.splitlines() if line and not line.startswith("#")]) <= 20


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda p: p.stem)
def test_an_experiment_builds_its_model(build, file):
    cli = build("--config", str(file))
    card = cli.model.assembled.card
    given = yaml.safe_load(file.read_text())
    assert card.lora.rank == given["model"].get("lora", {}).get("rank", 64)
    assert card.word_range.source == given["model"]["word_range"]["source"]
    assert cli.trainer.max_epochs == given["trainer"].get("max_epochs", cli.trainer.max_epochs)
    optimizer = cli.model.configure_optimizers()["optimizer"]
    assert sum(p.numel() for g in optimizer.param_groups for p in g["params"]) > 0


@pytest.mark.parametrize("file", OVERLAYS, ids=lambda p: p.stem)
@pytest.mark.parametrize("experiment", ["demo", "esyncvidstory_baichuan7b"])
def test_an_overlay_is_an_ablation(build, file, experiment):
    cli = build("--config", f"experiments/{experiment}.yaml", "--ablation", file.stem)
    assert cli.settings.ablation == file.stem
    assert cli.settings.name == (experiment if file.stem == "full" else f"{experiment}-{file.stem}")
    card = cli.model.assembled.card
    what = {
        "no_lora": card.lora.rank == 0,
        "no_storyline": not card.storyline,
        "no_position": not card.visual.position,
        "no_compression": not card.visual.compression,
        "no_memory": card.visual.memory == "all",
        "memory_none": card.visual.memory == "none" and card.visual.scene,
        "text_only": not card.visual.scene,
    }
    assert {name for name, is_so in what.items() if is_so} == {file.stem} - {"full"} | (
        {"no_position"} if file.stem == "text_only" else set()
    )


def test_there_is_an_overlay_for_every_ablation():
    from vn.train.arguments import ABLATIONS

    assert {f.stem for f in OVERLAYS} == set(ABLATIONS)


@pytest.mark.parametrize("file", SWEEPS, ids=lambda p: p.stem)
def test_every_point_of_a_sweep_is_a_command_that_parses(parse, file, tmp_path):
    """The words are those of W&B's own agent; what is parsed is what the point says."""
    sweep = yaml.safe_load(file.read_text())
    (tmp_path / "demo-work" / "shards").mkdir(parents=True)  # the data of runs that are tested
    assert sweep["metric"]["goal"] in ("maximize", "minimize")
    for point in _points(sweep):
        if "baseline" in point:
            _check_baseline(_agent_command(sweep["command"], point), point)
            continue
        if "run" in point:  # a test-only sweep: of a finished run
            (tmp_path / point["run"]).mkdir(parents=True)
            shutil.copy(ROOT / "experiments" / "demo.yaml", tmp_path / point["run"] / "config.yaml")
        words = _agent_command(sweep["command"], point)
        assert words[0] == "vn"
        settings = parse(words[1], *words[2:], "--trainer.accelerator=cpu", "--trainer.strategy=auto")
        for key, value in point.items():
            if key == "run":
                assert settings.name == Path(value).name
            else:
                assert settings[key] == value


def _check_baseline(words, point):
    """A baseline's command parses, with its options from the shipped file."""
    from vn.baselines.command import add_arguments

    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.set_defaults(words=words[2:])
    add_arguments(parser)
    args = parser.parse_args(words[2:])
    options = yaml.safe_load((ROOT / "experiments" / "baselines" / "demo.yaml").read_text())
    given = {**options["common"], **options.get(point["baseline"], {})}
    assert words[:2] == ["vn", "baseline"]
    assert args.baseline == point["baseline"]
    assert {key: str(getattr(args, key)) for key in given} == {key: str(value) for key, value in given.items()}


def _points(sweep):
    """All points of a grid; of a search, each value of a list and both ends of a range."""
    from vn.sweep.axes import axes_of

    axes = sweep["parameters"]
    assert sweep["method"] == ("bayes" if any("min" in a for a in axes.values()) else "grid")
    assert {a["distribution"] for a in axes.values() if "distribution" in a} <= DRAWN
    ends = {k: {"values": a.get("values") or [a["min"], a["max"]]} for k, a in axes.items()}
    axes = axes_of(ends, Path("sweep.yaml"))
    values = {key: [axis[n] for n in range(axis.count)] for key, axis in axes.items()}
    if sweep["method"] == "grid":
        return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    least = {key: axis[0] for key, axis in values.items()}
    return [{**least, key: value} for key, axis in values.items() for value in axis]


def _agent_command(macros, parameters):
    """The command as wandb's own agent spells it."""
    given = create_sweep_command_args({"args": {k: {"value": v} for k, v in parameters.items()}})
    expanded = {"${env}": [], **{f"${{{name}}}": words for name, words in given.items()}}
    return [word for part in create_sweep_command(list(macros)) for word in expanded.get(part, [part])]


@pytest.mark.parametrize("file", GRIDS, ids=lambda p: p.stem)
def test_vn_sweep_spells_the_commands_that_the_agent_does(file):
    from vn.sweep.grid import command_of, read_sweep

    sweep = read_sweep(file)
    macros = yaml.safe_load(file.read_text())["command"]
    for point in sweep.points:
        words = command_of(sweep, point, Path("runs") / sweep.name).words
        theirs = _agent_command(macros, point.parameters)
        assert words[: len(theirs)] == theirs
        assert words[-1].endswith(point.name)


def test_the_demos_study_names_its_runs_by_ablation_and_seed():
    from vn.sweep.grid import read_sweep
    from vn.train.arguments import ABLATIONS

    names = [p.name for p in read_sweep(ROOT / "sweeps" / "demo_ablations.yaml").points]
    assert sorted(names) == sorted(f"{a}-seed{s}" for a in ABLATIONS for s in (0, 1, 2))
    controls = read_sweep(ROOT / "sweeps" / "demo_controls.yaml").points
    assert {p.parameters["run"] for p in controls} == {
        f"runs/demo_ablations/{n}" for n in names if n.startswith("full")
    }
    others = read_sweep(ROOT / "sweeps" / "baselines.yaml").points
    assert [p.name for p in others] == ["retrieval", "chat", "vtimellm"]
    given = read_sweep(ROOT / "sweeps" / "ablations_given_storyline.yaml").points
    trained = {p.name for p in read_sweep(ROOT / "sweeps" / "ablations.yaml").points}
    assert {p.name for p in given} == trained - {"no_storyline"}
