"""YAML experiments through the command line: refused by key, or as good as the finished run they are compared with."""

import json
import shutil

import mutate
import pytest
import yaml
from made_up import write_data
from place import sizes

from vn.cli import main
from vn.template import TEMPLATES


@pytest.fixture
def finished(place, tiny_base, data):
    """A finished run of a toy experiment: with the same settings there is nothing to do, others are refused by key."""
    runs = place.folder / "runs"
    config = {
        "seed_everything": 3,
        "checkpoint_every": 2,
        "model": {
            "base_model": str(tiny_base),
            "lora": {"rank": 4, "alpha": 8, "dropout": 0.1},
            "optimization": {"lr": 0.01},
        },
        "data": {"folder": str(data), "clips_per_step": 8, "workers": 0},
        "test": {"storyline": ["predicted"], "decoding": {"max_new_tokens": 6}},
        "trainer": {
            "max_epochs": 1,
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_progress_bar": False,
            "num_sanity_val_steps": 0,
        },
    }
    file = place.folder / "toy.yaml"
    file.write_bytes(mutate.as_yaml(config))
    assert main(["fit", "--config", str(file), "--runs", str(runs), "--name", "toy"]) == 0
    return file, config, runs


@sizes(20, 500)
def test_experiments(fuzz, place, finished, count, capsys):
    file, config, runs = finished

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        words = ["fit", "--config", file, "--runs", runs, "--name", "toy"]
        return place.vn(*words, names=(file, runs / "toy" / "config.yaml"))

    fuzz("experiment: vn fit", check, [mutate.as_yaml(config)], count, [config], mutate.as_yaml)


@sizes(10, 200)
def test_a_run_folders_own_config(fuzz, place, finished, count):
    """``vn fit`` compares with it, ``vn test --run`` reads it."""
    file, _, runs = finished
    kept = runs / "toy" / "config.yaml"
    good = kept.read_bytes()

    def check(data: bytes) -> mutate.Outcome:
        kept.write_bytes(data)
        return place.vn("fit", "--config", file, "--runs", runs, "--name", "toy", names=(kept,))

    fuzz("config.yaml of a run: vn fit", check, [good], count, [yaml.safe_load(good)], mutate.as_yaml)


# What starts processes, or looks for machines, stays as it is; each of the others is one training step.
STAY = ["--trainer.devices", "1", "--trainer.num_nodes", "1", "--trainer.strategy", "auto"]
STAY += ["--trainer.accelerator", "cpu", "--trainer.max_steps", "1", "--data.workers", "0", "--trainer.logger", "false"]


@pytest.mark.slow
@pytest.mark.parametrize("count", [120])
def test_experiments_are_trained_or_refused(fuzz, place, finished, count):
    file, config, _ = finished

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        shutil.rmtree(place.out, ignore_errors=True)
        words = ["fit", "--config", file, "--runs", place.out, "--name", "toy", *STAY]
        # A path that is no longer that of the data, or of the model, is named instead.
        return place.vn(*words, names=(file, "no such data folder", "no manifest.json", "model folder", "base model"))

    fuzz("experiment: trained", check, [mutate.as_yaml(config)], count, [config], mutate.as_yaml)


@pytest.fixture
def train(place, finished):
    """Trains one step on the data folder ``data``, with the template ``mine.yaml``; errors name a file of these."""
    file, config, _ = finished
    config["data"]["folder"] = str(write_data(place.folder / "data", train=(3,), val=1, test=1))
    config["model"]["template"] = str(place.folder / "mine.yaml")
    shutil.copy(TEMPLATES / "ad-en.yaml", place.folder / "mine.yaml")
    file.write_bytes(mutate.as_yaml(config))

    def run(*names) -> mutate.Outcome:
        shutil.rmtree(place.out, ignore_errors=True)
        return place.vn("fit", "--config", file, "--runs", place.out, "--name", "toy", *STAY, names=names)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("count", [80])
@pytest.mark.parametrize("name", ["train-00000.tar", "manifest.json", "mine.yaml"])
def test_data_and_templates_are_trained_on_or_refused(fuzz, place, train, count, name):
    file = place.folder / name if name == "mine.yaml" else place.folder / "data" / name
    good = file.read_bytes()
    values = ()
    if name == "manifest.json":
        values = ([json.loads(good)], mutate.as_json)
    elif name == "mine.yaml":
        values = ([yaml.safe_load(good)], mutate.as_yaml)

    def check(data: bytes) -> mutate.Outcome:
        file.write_bytes(data)
        return train(file, place.folder / "data")

    fuzz(f"{name}: vn fit", check, [good], count, *values)


@pytest.mark.slow
def test_frames_of_another_shape_are_refused(place, train):
    """A shard that is whole, of a manifest that is whole, but not of each other."""
    file = place.folder / "data" / "manifest.json"
    manifest = json.loads(file.read_text())
    manifest["tokens"], manifest["width"] = 3, 4
    manifest["statistics"] = {"mean": [0.0] * 4, "std": [1.0] * 4}
    file.write_text(json.dumps(manifest))
    assert train(place.folder / "data") == "refusal"
