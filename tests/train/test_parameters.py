"""Parameters of a sweep's point, as JSON: expanded to the flags that a person would type."""

import json

import pytest

from vn.errors import InputError
from vn.train.arguments import expand


@pytest.fixture
def experiment_file(tmp_path):
    (tmp_path / "ablations").mkdir()
    (tmp_path / "ablations" / "no_memory.yaml").write_text("model: {visual: {memory: all}}\n")
    file = tmp_path / "toy.yaml"
    file.write_text("{}\n")
    return str(file)


def test_each_parameter_is_a_flag_and_keeps_its_type(experiment_file):
    given = {"a.b": None, "c": {"d": {"e": True}, "f": 1e-05}, "g": "null", "h": [1, "x"], "i": {}, "j": "--k=l"}
    words = expand(["--config", experiment_file, "--config", json.dumps(given), "--last", "1"])
    flags = ["--a.b=null", "--c.d.e=true", "--c.f=1e-05", "--g=null", '--h=[1, "x"]', "--i={}", "--j=--k=l"]
    assert words == ["--config", experiment_file, *flags, "--last", "1"]


def test_an_ablation_among_them_is_its_overlay_under_the_other_parameters(experiment_file, tmp_path):
    given = json.dumps({"model.visual.memory": "none", "ablation": "no_memory"})
    words = expand(["--config", experiment_file, f"--config={given}"])
    overlay = str(tmp_path / "ablations" / "no_memory.yaml")
    assert words[:4] == ["--config", experiment_file, "--config", overlay]
    assert words[4:] == ["--model.visual.memory=none", "--ablation", "no_memory"]


def test_a_run_among_them_is_that_run(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "config.yaml").write_text("{}\n")
    words = expand(["--config", json.dumps({"run": str(tmp_path / "full")}), "--data.frames=other_video"])
    config = str(tmp_path / "full" / "config.yaml")
    assert words == ["--config", config, "--runs", str(tmp_path), "--name", "full", "--data.frames=other_video"]


def test_a_file_is_read_and_said_to_be_wrong(tmp_path, experiment_file):
    file = tmp_path / "parameters.json"
    file.write_text('{"a": 1}')
    assert expand(["--config", experiment_file, "--config", str(file)])[2:] == ["--a=1"]
    file.write_text("[1]")
    with pytest.raises(InputError, match=r"parameters.json: expected parameters by name, got \[1\]"):
        expand(["--config", str(file)])
