"""Sweep files read as grids: points, names, ids, commands; what is not a grid is refused in a sentence."""

import json
from pathlib import Path

import numpy as np
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
        file = tmp_path / "points.yaml"
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
USUAL = {"method": "grid", "parameters": GRID, "command": COMMAND}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"method": "bayes", "parameters": GRID}, "bayes draws its points on W&B's server"),
        ({"method": "random", "parameters": GRID}, "random draws its points on W&B's server"),
        ({"method": "gird", "parameters": GRID}, "method: expected grid, got 'gird'"),
        ({"parameters": None}, "parameters: expected parameters by name"),
        ({"method": "grid", "parameters": {"a": 1}}, "parameters.a: expected value: or values:"),
        ({"method": "grid", "parameters": {"a": {"values": []}}}, "parameters.a.values: expected a list"),
        ({"method": "grid", "parameters": {"a": {"values": [1, 2, 1]}}}, "parameters.a.values: holds 1 twice"),
        ({"method": "grid", "parameters": {"a": {"min": 0.0, "max": 1}}}, "parameters.a: has neither value nor values"),
        ({"method": "grid", "parameters": {"a": {"vlaues": [1]}}}, "did you mean 'values'"),
        ({"method": "grid", "parameters": GRID, "command": None}, "command: expected a list of words"),
        ({"method": "grid", "parameters": GRID, "command": ["python", "x.py"]}, "command: expected vn run"),
        ({"method": "grid", "parameters": GRID, "command": ["vn", "score"]}, "got 'vn score'"),
        ({"method": "grid", "parameters": GRID, "command": ["vn", "run", "${arg}"]}, "no macro ${arg}"),
        ([1], "expected a sweep's settings by name"),
        ({"early_terminate": {"type": "hyperband", "min_iter": 3}}, "early_terminate: is for W&B's server"),
        ({"controller": {"type": "local"}}, "controller: is for W&B's server"),
        ({"job": "x"}, "job: is for W&B Launch"),
        ({"metrics": [1, 2]}, "metrics: several metrics"),
        ({"imports": ["x"]}, "'imports': is not a sweep key"),
        ({"run_cpa": 1}, "did you mean 'run_cap'"),
        ({"run_cap": 0}, "run_cap: expected 1 or more, got 0"),
        ({"run_cap": True}, "run_cap: expected 1 or more, got True"),
        ({"name": 3}, "name: expected a text, got 3"),
        ({"kind": "job"}, "kind: expected sweep"),
        ({"program": "train.py"}, "program: 'train.py' is not in the command"),
        ({"metric": "val/loss"}, "metric: expected name: and goal:"),
        ({"metric": {"name": "val/loss", "goal": "min"}}, "metric.goal: expected minimize or maximize"),
        ({"metric": {"name": "val/loss", "target": 0.1}}, "metric.target: steers a search on W&B's server"),
        ({"parameters": {"a": {"values": [1, 2], "probabilities": [0.5, 0.5]}}}, "a.probabilities: probabilities are"),
        ({"parameters": {"a": {"distribution": "uniform", "min": 0, "max": 1}}}, "a.distribution: a grid has constant"),
        ({"parameters": {"a": {"distribution": "categorical", "value": 1}}}, "'value' does not go with values"),
        ({"parameters": {"a": {"values": [1], "min": 1}}}, "'min' does not go with values"),
        (
            {"parameters": {"a": {"distribution": "q_uniform", "min": 0, "max": 1, "q": 0}}},
            "a.q: expected a number above",
        ),
        ({"parameters": {"a": {"distribution": "int_uniform", "min": 3, "max": 1}}}, "no value is in the range"),
        ({"parameters": {"a": {"distribution": "int_uniform", "min": 1, "max": 1.5}}}, "a.max: expected a number"),
        ({"parameters": {"a": {"distribution": "int_uniform", "min": 1}}}, "int_uniform needs max:"),
        ({"parameters": {"a.b": {"value": 1}, "a": {"parameters": {"b": {"value": 2}}}}}, "a.b is given twice"),
        ({"parameters": {"a": {"parameters": GRID, "value": 1}}}, "'value' does not go with parameters"),
        (
            {"parameters": {c: {"values": [*range(10)]} for c in "abcdefgh"}},
            "make 100,000,000 points, more than 10,000",
        ),
        ({"parameters": {"a": {"min": 0, "max": 10**15}}}, "make 1,000,000,000,000,001 points"),
    ],
)
def test_what_is_no_grid_is_refused_in_a_line(tmp_path, capsys, content, message):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump({**USUAL, **content} if isinstance(content, dict) else content))
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


def test_a_dry_run_prints_every_command_and_does_nothing(experiment, write, capsys, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    grid = {"ablation": {"values": ["full", "no_memory"]}, "seed_everything": {"values": [0, 1]}}
    file = write(grid, command=["vn", "run", "--config", str(experiment.config), "--config", "${args_json}"])
    runs = experiment.folder / "runs"
    args = ["sweep", str(file), "--runs", str(runs), "--dry-run", "--parallel", "2"]
    assert main([*args, "--attach", "me/mine/abc"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert len(lines) == 4
    assert "would fail" not in said.err
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
    assert not runs.exists()


def test_run_cap_takes_the_first_points_of_a_grid_of_any_size(write):
    axes = {c: {"values": [*range(10)]} for c in "abcdefgh"}
    sweep = read_sweep(write(axes, run_cap=12))
    assert sweep.total == 10**8
    assert [p.parameters["h"] for p in sweep.points] == [*range(10), 0, 1]
    assert [p.parameters["g"] for p in sweep.points] == [0] * 10 + [1, 1]
    whole = read_sweep(write({"a": {"values": [1, 2]}}, run_cap=5))
    assert (len(whole.points), whole.total) == (2, 2)


def test_ranges_are_those_of_wandbs_grid_search(write):
    """Both ends of whole numbers; NumPy's arange of steps."""
    axes = {"a": {"min": 2, "max": 4}, "b": {"distribution": "q_uniform", "min": 0.1, "max": 0.8, "q": 0.1}}
    points = read_sweep(write(axes)).points
    assert [p.parameters["a"] for p in points[::7]] == [2, 3, 4]
    assert [p.parameters["b"] for p in points[:7]] == np.arange(0.1, 0.8, 0.1).tolist()
    whole = {
        "a": {"distribution": "q_uniform", "min": 2, "max": 9, "q": 3},
        "b": {"distribution": "constant", "value": 1},
    }
    assert [p.parameters for p in read_sweep(write(whole)).points] == [{"a": a, "b": 1} for a in (2, 5, 8)]


def test_name_project_program_and_interpreter_are_honoured(write, monkeypatch):
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    monkeypatch.setenv("WANDB_ENTITY", "mine")
    about = {"name": "My sweep: 1", "description": "why", "project": "p", "entity": "e"}
    sweep = read_sweep(write(GRID, command=["${env}", "${program}", "fit", "${args}"], program="vn", **about))
    assert (sweep.name, sweep.description) == ("My_sweep__1", "why")
    found = command_of(sweep, sweep.points[0], Path("runs"))
    assert found.words[:3] == ["vn", "fit", "--a=1"]
    assert found.environment == {"WANDB_PROJECT": "p"}  # what the user has set stays
    assert read_sweep(write(GRID, name="other"), name="given").name == "given"
    sweep = read_sweep(write(GRID, command=["${interpreter}", "-m", "vn.cli", "run", "${args}"]))
    assert command_of(sweep, sweep.points[0], Path("runs")).words[:2] == ["vn", "run"]


def test_a_shipped_sweep_goes_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in ("demo_ablations", "sweeps/demo_ablations.yaml"):
        sweep = read_sweep(Path(given))
        assert (sweep.name, len(sweep.points)) == ("demo_ablations", 24)
