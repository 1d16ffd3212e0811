"""Sweep files read as grids: points, names, ids, commands; what is no grid is refused in a sentence."""

import json
from pathlib import Path

import pytest
import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args

from vn.cli import main
from vn.sweep.grid import command_of, read_sweep

ROOT = Path(__file__).parents[2]
COMMAND = ["${env}", "vn", "run", "--config", "experiments/demo.yaml", "--config", "${args_json}"]


@pytest.fixture
def write(tmp_path):
    def written(parameters, method="grid", command=COMMAND, **more):
        file = tmp_path / "toy.yaml"
        file.write_text(
            yaml.safe_dump({"method": method, "parameters": parameters, "command": command, **more}, sort_keys=False)
        )
        return file

    return written


def test_a_grid_is_the_product_in_the_files_order(write):
    sweep = read_sweep(
        write({"seed_everything": {"values": [0, 1]}, "ablation": {"values": ["full", "no_memory"]}, "x": {"value": 3}})
    )
    assert [p.name for p in sweep.points] == ["seed0-full", "seed0-no_memory", "seed1-full", "seed1-no_memory"]
    assert sweep.points[1].parameters == {"seed_everything": 0, "ablation": "no_memory", "x": 3}


def test_ids_depend_on_sweep_and_parameters_alone(write):
    axes = {"ablation": {"values": ["full", "no_memory"]}, "seed_everything": {"values": [0, 1]}}
    one = {p.name: p.id for p in read_sweep(write(axes)).points}
    assert len(set(one.values())) == 4
    more = {"ablation": {"values": ["no_lora", "no_memory", "full"]}, "seed_everything": {"values": [1, 0]}}
    other = {p.name: p.id for p in read_sweep(write(more, description="another order")).points}
    assert all(other[name] == id for name, id in one.items())
    renamed = {p.name: p.id for p in read_sweep(write(axes), "second").points}
    assert not set(renamed.values()) & set(one.values())


def test_names_are_folders_and_tell_points_apart(write):
    values = ["a/b", "c/b", None, True, 0.001, "x" * 300, "../..", "a b\n", {"k": [1]}]
    points = read_sweep(write({"model.base_model": {"values": values}})).points
    names = [p.name for p in points]
    assert len(set(names)) == len(values)
    assert names[2:5] == ["base_model-null", "base_model-true", "base_model0.001"]
    assert all(len(n) <= 100 and "/" not in n and n.strip(".") and n.isprintable() and " " not in n for n in names)


def test_nested_parameters_become_dotted_and_values_keep_their_type(write, tmp_path):
    axes = {"model": {"parameters": {"lora": {"parameters": {"rank": {"values": [4, 8]}}}}}, "a.b": {"value": None}}
    sweep = read_sweep(write(axes))
    words = command_of(sweep, sweep.points[1], tmp_path / "runs").words
    assert words[:4] == ["vn", "run", "--config", "experiments/demo.yaml"]
    assert json.loads(words[5]) == {"model.lora.rank": 8, "a.b": None}
    assert words[6:] == ["--runs", str(tmp_path / "runs"), "--name", "rank8"]


@pytest.mark.parametrize("macro", ["args", "args_no_equals", "args_no_boolean_flags", "args_json"])
def test_macros_are_those_of_the_agent(write, macro):
    sweep = read_sweep(
        write({"a": {"values": [1, True]}, "b": {"value": "c d"}}, command=["vn", "fit", f"${{{macro}}}"])
    )
    for point in sweep.points:
        theirs = create_sweep_command_args({"args": {k: {"value": v} for k, v in point.parameters.items()}})[macro]
        words = command_of(sweep, point, Path("runs")).words
        assert words[2 : 2 + len(theirs)] == theirs
        assert words[2 + len(theirs)] == "--runs"


def test_parameters_in_a_file_and_variables_before_the_command(write, monkeypatch):
    monkeypatch.setenv("WHERE", "there")
    command = ["${env}", "A=1", "vn", "test", "--config", "${args_json_file}", "--x=${envvar:WHERE}"]
    sweep = read_sweep(write({"run": {"values": ["runs/full"]}}, command=command))
    found = command_of(sweep, sweep.points[0], Path("runs/toy"))
    assert found.environment == {"A": "1"}
    assert found.parameters_file == Path("runs/toy/full/parameters.json")
    assert found.words[2:] == ["--config", str(found.parameters_file), "--x=there", "--out", "runs/toy/full"]


GRID = {"a": {"values": [1]}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"method": "bayes", "parameters": GRID}, "bayes draws its points on W&B's server"),
        ({"method": "random", "parameters": GRID}, "random draws its points on W&B's server"),
        ({"method": "gird", "parameters": GRID}, "method: expected grid, got 'gird'"),
        ({"method": "grid"}, "parameters: expected parameters by name"),
        ({"method": "grid", "parameters": {"a": 1}}, "parameters.a: expected value: or values:"),
        ({"method": "grid", "parameters": {"a": {"values": []}}}, "parameters.a.values: expected a list"),
        ({"method": "grid", "parameters": {"a": {"values": [1, 2, 1]}}}, "parameters.a.values: holds 1 twice"),
        ({"method": "grid", "parameters": {"a": {"min": 0, "max": 1}}}, "parameters.a: has neither value nor values"),
        ({"method": "grid", "parameters": {"a": {"vlaues": [1]}}}, "did you mean 'values'"),
        ({"method": "grid", "parameters": GRID, "command": None}, "command: expected a list of words"),
        ({"method": "grid", "parameters": GRID, "command": ["python", "x.py"]}, "command: expected vn run"),
        ({"method": "grid", "parameters": GRID, "command": ["vn", "score"]}, "got 'vn score'"),
        ({"method": "grid", "parameters": GRID, "command": ["vn", "run", "${arg}"]}, "no macro ${arg}"),
        ([1], "expected a sweep's settings by name"),
    ],
)
def test_what_is_no_grid_is_refused_in_a_line(tmp_path, capsys, content, message):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump({"command": COMMAND, **content} if isinstance(content, dict) else content))
    assert main(["sweep", str(file), "--runs", str(tmp_path / "runs")]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert error[0].startswith(f"vn sweep: error: {file}: ")
    assert message in error[0]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "args", [["--parallel", "0"], ["--attach", "a/b/c/d"], ["--name", "../x"], ["--name", ""], ["--attach", ""]]
)
def test_bad_options_are_refused(write, tmp_path, capsys, args):
    assert main(["sweep", str(write(GRID)), "--runs", str(tmp_path / "runs"), *args]) == 2
    assert args[0] in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_dry_run_prints_every_command_and_does_nothing(write, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    file = write({"ablation": {"values": ["full", "no_memory"]}, "seed_everything": {"values": [0, 1]}})
    args = ["sweep", str(file), "--runs", str(tmp_path / "runs"), "--dry-run", "--parallel", "2"]
    assert main([*args, "--attach", "me/mine/abc"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for part in (
        "WANDB_MODE=offline",
        "WANDB_SWEEP_ID=abc",
        "WANDB_PROJECT=mine",
        "WANDB_ENTITY=me",
        "OMP_NUM_THREADS=1",
    ):
        assert part in lines[3].split()
    assert "vn run" in lines[3]
    assert lines[3].endswith("--name no_memory-seed1")
    assert not (tmp_path / "runs").exists()
