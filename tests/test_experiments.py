"""Every shipped YAML is parsed against the real signatures, and says how it is launched."""

from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted((ROOT / "experiments").glob("*.yaml"))
OVERLAYS = sorted((ROOT / "experiments" / "ablations").glob("*.yaml"))
SWEEPS = sorted((ROOT / "sweeps").glob("*.yaml"))


@pytest.fixture
def parse(monkeypatch, tmp_path):
    """Parses a command without building anything; gives its settings."""
    from vn.train import command

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(command.NarratorCLI, "instantiate_classes", lambda self: None)
    monkeypatch.setattr(command.NarratorCLI, "after_instantiate_classes", lambda self: None)

    def parsed(name, *argv):
        cli = command.NarratorCLI(name, command.expand([*argv, "--runs", str(tmp_path / "runs")]))
        return cli.settings

    return parsed


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda p: p.stem)
def test_an_experiment_is_valid_short_and_says_its_command(parse, file):
    text = file.read_text()
    commands = [line.strip("# \n") for line in text.splitlines() if line.startswith("#   vn ")]
    assert commands, "the header names the exact command"
    words = commands[0].split()
    assert words[0] == "vn"
    assert f"experiments/{file.name}" in words
    settings = parse(words[1], *words[2:])
    assert settings.name == file.stem
    assert len([line for line in text.splitlines() if line and not line.startswith("#")]) <= 20


@pytest.mark.parametrize("file", OVERLAYS, ids=lambda p: p.stem)
def test_an_overlay_is_an_ablation(parse, file):
    settings = parse("run", "--config", "experiments/demo.yaml", "--ablation", file.stem)
    assert settings.ablation == file.stem
    assert settings.name == ("demo" if file.stem == "full" else f"demo-{file.stem}")


def test_there_is_an_overlay_for_every_ablation():
    from vn.train.arguments import ABLATIONS

    assert {f.stem for f in OVERLAYS} == set(ABLATIONS)


@pytest.mark.parametrize("file", SWEEPS, ids=lambda p: p.stem)
def test_every_point_of_a_sweep_is_a_command_that_parses(parse, file):
    sweep = yaml.safe_load(file.read_text())
    assert sweep["method"] == "grid"
    assert list(sweep["parameters"]) == ["ablation"]
    for value in sweep["parameters"]["ablation"]["values"]:
        words = _agent_command(sweep["command"], {"ablation": value})
        assert words[:2] == ["vn", "run"]
        assert parse(words[1], *words[2:]).ablation == value


def _agent_command(macros, parameters):
    """The command as wandb's own agent spells it."""
    given = create_sweep_command_args({"args": {k: {"value": v} for k, v in parameters.items()}})
    expanded = {"${env}": [], "${args}": given["args"]}
    return [word for part in create_sweep_command(list(macros)) for word in expanded.get(part, [part])]
