"""``vn sweep --dry-run`` finds what would fail, in process, and names each problem once."""

import random

import pytest
import yaml

from vn.cli import main
from vn.sweep.dry_run import MOST, chosen
from vn.sweep.grid import Point


@pytest.fixture
def dry_run(experiment, capsys):
    """Rehearses a grid over the toy experiment; gives the exit code and what was said on stderr."""

    def done(parameters, *flags, command="run"):
        file = experiment.folder / "grid.yaml"
        words = ["vn", command, "--config", str(experiment.config), "--config", "${args_json}", *flags]
        words = words if command != "test" else ["vn", "test", "--config", "${args_json}", *flags]
        file.write_text(yaml.safe_dump({"method": "grid", "parameters": parameters, "command": words}))
        code = main(["sweep", str(file), "--runs", str(experiment.folder / "runs"), "--dry-run"])
        said = capsys.readouterr()
        assert not (experiment.folder / "runs" / "grid").exists()
        return code, [line for line in said.err.splitlines() if line.startswith("would fail: ")]

    return done


@pytest.mark.parametrize(
    ("parameters", "flags", "message"),
    [
        ({"model.lora.rnak": {"value": 4}}, (), "rank"),
        ({"model.lora.rank": {"value": "many"}}, (), "model.lora.rank"),
        ({"model.lora.rank": {"value": -1}}, (), "expected 0 to 100000, got -1"),
        ({"ablation": {"value": "no_memroy"}}, (), "did you mean 'no_memory'"),
        ({"data.folder": {"value": "no/such/data"}}, (), "no/such/data: no such data folder"),
        ({"model.base_model": {"value": "./nowhere"}}, (), "no such model file or folder"),
        ({"model.template": {"value": "ad-fr"}}, (), "no template 'ad-fr'"),
        ({"seed_everything": {"value": 1}}, ("--config", "none.yaml"), "none.yaml: No such file"),
        ({"seed_everything": {"value": 1}}, ("--config", "dmeo"), "did you mean 'demo'"),
        ({"test.decoding.beams": {"value": 2}, "test.decoding.temperature": {"value": 0.5}}, (), "2 beams search"),
        ({"trainer.max_epochs": {"value": "all"}}, (), "trainer.max_epochs"),
    ],
)
def test_what_would_fail_is_named(dry_run, parameters, flags, message):
    code, problems = dry_run(parameters, *flags)
    assert code == 2
    assert len(problems) == 1
    assert message in problems[0]


def test_a_test_only_sweep_needs_its_runs(dry_run):
    code, problems = dry_run({"run": {"values": ["runs/a", "runs/b"]}}, command="test")
    assert code == 2
    assert [p.partition(": ")[2] for p in problems] == [
        "a: runs/a: no run here (config.yaml is missing)",
        "b: runs/b: no run here (config.yaml is missing)",
    ]


def test_a_problem_of_many_points_is_named_once(dry_run):
    rank, seeds = {"values": [-1, 4]}, {"min": 1, "max": 5}
    code, problems = dry_run({"model.lora.rank": rank, "seed_everything": seeds})
    assert code == 2
    assert len(problems) == 1
    assert "rank-1-seed1, rank-1-seed2, rank-1-seed3 and 2 more: model.lora.rank: expected" in problems[0]


def test_random_state_stays_as_it_was(dry_run):
    random.seed(7)
    expected = random.Random(7).random()
    assert dry_run({"seed_everything": {"values": [1, 2]}}) == (0, [])
    assert random.random() == expected


def test_of_many_points_every_value_is_checked():
    points = [Point(f"{a}-{b}", "id", {"a": a, "b": b}) for a in range(100) for b in range(100)]
    checked = chosen(points)
    assert len(checked) <= 200
    assert {p.parameters["a"] for p in checked} == {p.parameters["b"] for p in checked} == set(range(100))
    assert chosen(points[:MOST]) == points[:MOST]
