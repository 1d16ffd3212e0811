"""The paper's way with a small model: Baichuan's layout, the released annotations and features, ZeRO-2 on two ranks."""

import json

import numpy as np
import pytest
from baichuan import make_baichuan
from launch import launch, zero
from toy_experiment import Experiment

from vn.cli import main

T, D = 32, 768  # as released
TEST = 4  # videos


@pytest.mark.slow
def test_train_test_export_and_import_again(tmp_path, real_data):
    pytest.importorskip("deepspeed", reason="ZeRO is DeepSpeed's")
    make_baichuan(tmp_path / "base", generation=2, shards=2)
    annotations = json.loads((real_data / "esyncvidstory_sample.json").read_text(encoding="utf-8"))
    shortest = sorted(annotations, key=lambda key: len(annotations[key]["frames"]))[:TEST]
    (tmp_path / "ids.txt").write_text("\n".join(shortest) + "\n")
    features = tmp_path / "features"
    features.mkdir()
    random = np.random.default_rng(0)
    for key, story in annotations.items():
        end = max(clip["time"][1] for clip in story["frames"])
        for n in range(1, int(end) + 1):
            array = random.normal(size=(T, D)).astype(np.float32)
            np.save(features / f"{key.removesuffix('.mp4')}_{n:03d}.jpg.npy", array)
    words = [
        "prepare",
        str(real_data / "esyncvidstory_sample.json"),
        "--reader",
        "esyncvidstory",
        "--encoder",
        "features",
    ]
    words += ["--features", str(features), "--test-ids", str(tmp_path / "ids.txt"), "--out", str(tmp_path / "data")]
    assert main(words) == 0
    experiment = Experiment(tmp_path, tmp_path / "base", tmp_path / "data")
    options = ["--trainer.devices", "2", "--trainer.strategy", zero(2), "--trainer.max_epochs", "1"]
    options += ["--model.max_length", "4096", "--test.decoding.max_new_tokens", "8"]
    launch(experiment, *options, name="z", command="run", timeout=900)
    run = experiment.run_folder("z")
    stories = experiment.predictions(name="z")
    assert len({x["video"] for x in stories}) == TEST
    assert main(["doctor", str(run), "--data", str(tmp_path / "data")]) == 0
    for to, adapter in (("merged", "narrator"), ("peft", ".")):
        out = tmp_path / to
        assert main(["export", str(run), "--to", to, "--out", str(out), "--dtype", "float32"]) == 0
        again = tmp_path / f"again-{to}"
        single = ["--adapter", str(out / adapter), "--out", str(again), "--trainer.strategy", "auto"]
        assert experiment("test", *options[4:], *single, "--trainer.devices", "1", name="z") == 0
        lines = (again / "predictions.predicted.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(x) for x in lines] == stories
