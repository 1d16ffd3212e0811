"""VTimeLLM by our own commands: trained, tested, continued from another narrator, and narrating a raw video."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from vn.card import read_card
from vn.cli import main

SHOWN = "{scope: video, frames: 9, pool: true, compression: false, memory: none, position: false}"
QUICK = ["--with", "--trainer.accelerator", "cpu", "--trainer.devices", "1", "--trainer.enable_progress_bar", "false"]


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_base, data):
    """A folder with an experiment of VTimeLLM's settings on made-up data, and its fine-tuned run."""
    folder = tmp_path_factory.mktemp("vtimellm")
    (folder / "toy_vtimellm.yaml").write_text(
        f"""
baseline: vtimellm
system: VTimeLLM fine-tuned
model:
  base_model: {tiny_base}
  template: vtimellm-en
  visual: {SHOWN}
  lora: {{rank: 4, alpha: 8, dropout: 0.0}}
  optimization: {{lr: 0.01}}
data: {{folder: {data}, clips_per_step: 8, workers: 0}}
test: {{decoding: {{max_new_tokens: 6}}}}
trainer: {{max_steps: 3, accelerator: cpu, devices: 1, logger: false, num_sanity_val_steps: 0}}
"""
    )
    fit = ["--fit", "--experiment", str(folder / "toy_vtimellm.yaml"), "--data", str(data)]
    assert baseline(folder / "tuned", *fit, "--seed", "3", *QUICK) == 0
    return folder


def baseline(out, *words):
    return main(["baseline", "vtimellm", "--out", str(out), "--sentences", "none", "--judge", "none", *words])


def config(run):
    return yaml.safe_load((run / "config.yaml").read_text())


def lines(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_fine_tuned_it_is_a_run_of_ours(place):
    made = config(place / "tuned")
    assert (made["baseline"], made["system"], made["seed_everything"]) == ("vtimellm", "VTimeLLM fine-tuned", 3)
    card = read_card(place / "tuned" / "adapter")
    assert (card.visual.scope, card.visual.frames, card.visual.pool) == ("video", 9, True)
    assert set(json.loads((place / "tuned" / "scores.json").read_text())) == {"predicted", "given"}
    assert not [name for name in load_file(place / "tuned" / "adapter" / "narrator.safetensors") if "position" in name]


def test_an_adapter_is_tested_as_it_is(place, data, capsys):
    """Its settings are in the run's configuration; the texts are those of the run that it came from."""
    adapter, out = place / "tuned" / "adapter", place / "zero-shot"
    words = ["--data", str(data), "--adapter", str(adapter), *QUICK, "--test.decoding.max_new_tokens", "6"]
    assert baseline(out, *words) == 0
    made = config(out)
    assert (made["baseline"], made["system"]) == ("vtimellm", "VTimeLLM")
    assert made["model"]["visual"] == config(place / "tuned")["model"]["visual"]
    for setting in ("predicted", "given"):
        name = f"predictions.{setting}.jsonl"
        assert lines(out / name) == lines(place / "tuned" / name)
    before = (out / "predictions.given.jsonl").stat()
    assert baseline(out, *words) == 0
    assert "is finished" in capsys.readouterr().out
    assert (out / "predictions.given.jsonl").stat() == before
    for more, message in (
        (("--seed", "1"), "seed_everything: this run folder has 0, but it is now 1"),
        (("--limit", "1"), "data.limit: this run folder has None, but it is now 1"),
        (("--storyline", "given"), "test.storyline: this run folder has"),
    ):
        assert baseline(out, *more, *words) == 2
        assert message in capsys.readouterr().err
    other = [str(place / "tuned") if word == str(adapter) else word for word in words]
    assert baseline(out, *other) == 2
    assert "adapter: this run folder has" in capsys.readouterr().err
    assert main(["compare", str(out), str(place / "tuned"), "--out", str(place / "compared")]) == 0


def test_a_test_of_it_leaves_its_configuration(place, tmp_path):
    run = tmp_path / "again"
    shutil.copytree(place / "tuned", run)
    before = (run / "config.yaml").read_bytes()
    assert main(["test", "--run", str(run), "--test.storyline", "[given]"]) == 0
    assert (run / "config.yaml").read_bytes() == before


def test_the_folder_of_another_system_is_refused(data, tmp_path, capsys):
    assert main(["baseline", "retrieval", "--data", str(data), "--out", str(tmp_path), "--no-score"]) == 0
    assert baseline(tmp_path, "--data", str(data), "--adapter", "x") == 2
    assert "is a run of 'retrieval'; give another --out or --name" in capsys.readouterr().err


def test_some_videos_without_scores(place, data):
    out = place / "some"
    words = ["--adapter", str(place / "tuned" / "adapter"), "--limit", "2", "--storyline", "predicted", "--no-score"]
    assert baseline(out, "--data", str(data), *words, *QUICK) == 0
    assert len({x["video"] for x in lines(out / "predictions.predicted.jsonl")}) == 2
    assert not (out / "predictions.given.jsonl").exists()
    assert not (out / "scores.json").exists()


def test_training_goes_on_from_an_adapter(place, data):
    """With a rate of zero, the weights stay those of the adapter, feature statistics included."""
    start = place / "start"
    shutil.copytree(place / "tuned" / "adapter", start)
    weights = load_file(start / "narrator.safetensors")
    save_file({**weights, "mean": weights["mean"] + 1}, start / "narrator.safetensors")
    fit = ["--fit", "--experiment", str(place / "toy_vtimellm.yaml"), "--data", str(data), "--adapter", str(start)]
    assert baseline(place / "on", *fit, *QUICK, "--model.optimization.lr", "0", "--trainer.max_steps", "1") == 0
    for name in ("narrator.safetensors", "adapter_model.safetensors"):
        ours, theirs = (load_file(folder / name) for folder in (place / "on" / "adapter", start))
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            torch.testing.assert_close(ours[key], value, rtol=0, atol=0, msg=key)
    assert config(place / "on")["model"]["start_from"] == str(start)


def test_another_lora_than_the_adapters_is_refused(place, data, capsys):
    start = ["--model.start_from", str(place / "tuned" / "adapter")]
    config = ["fit", "--config", str(place / "toy_vtimellm.yaml"), "--runs", str(place), "--name", "refused"]
    assert main([*config, *start, "--model.lora.rank", "8"]) == 2
    assert "model.lora.rank: is 8" in capsys.readouterr().err
    shown = '{"scope": "clip", "position": true}'
    assert main([*config, *start, "--model.visual", shown]) == 2
    assert "model.visual.position" in capsys.readouterr().err
    assert main([*config, "--model.start_from", str(place / "nothing")]) == 2
    assert "no adapter here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --data DATA"),
        (["--data", "DATA"], "give --fit, or --adapter FOLDER"),
        (["--data", "DATA", "--weights", "a", "b", "c"], "--base-model"),
        (["--data", "DATA", "--adapter", "nowhere"], "no adapter here"),
        (["--data", "DATA", "--adapter", "x", "--experiment", "demo"], "--experiment"),
        (["--data", "DATA", "--adapter", "x", "--word-range", "duration"], "--word-range"),
        (["--data", "DATA", "--fit", "--stories", "stories.json"], "--stories"),
        (["--data", "DATA", "--fit", "--split", "val"], "--split"),
        (["--data", "DATA", "--fit", "--experiment", "none_such"], "no shipped experiment"),
    ],
    ids=lambda x: "-".join(x) if isinstance(x, list) else "",
)
def test_what_is_missing_or_without_meaning_is_named(tmp_path, data, capsys, words, message):
    assert baseline(tmp_path / "out", *(str(data) if word == "DATA" else word for word in words)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out" / "config.yaml").exists()


def test_trained_on_the_demo_it_narrates_a_raw_video(smoke_demo, tmp_path):
    fit = ["--fit", "--data", str(smoke_demo / "shards"), "--storyline", "predicted", "--limit", "2"]
    model = ["--model.base_model", str(smoke_demo / "base-lm"), "--model.lora.rank", "2", "--trainer.max_steps", "2"]
    assert baseline(tmp_path / "run", *fit, *QUICK, *model, "--data.workers", "0") == 0
    assert config(tmp_path / "run")["model"]["template"] == "vtimellm-en"
    world = smoke_demo / "world" / "narrate"
    words = [str(next(world.glob("*.mp4"))), "--product", str(world / "product.yaml"), "--out", str(tmp_path / "story")]
    assert main(["narrate", *words, "--run", str(tmp_path / "run")]) == 0
    story = json.loads((tmp_path / "story" / "story.json").read_text())
    assert len(story["clips"]) > 1
    assert all(clip["labels"] for clip in story["clips"])
