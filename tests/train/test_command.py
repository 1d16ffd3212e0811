"""The Lightning commands, in process, on made-up shards and a random two-layer LLaMA."""

import json

import pytest
import torch
import yaml
from safetensors.torch import load_file

from vn.cli import main
from vn.data.manifest import Manifest


def test_run_leaves_the_whole_run_folder(experiment, data):
    assert experiment("run") == 0
    folder = experiment.run_folder()
    for name in ("config.yaml", "metrics.jsonl", "stories.jsonl", "scores.json", "adapter", "checkpoints"):
        assert (folder / name).exists(), name
    samples = Manifest.load(data).samples("test")
    for setting in ("predicted", "given"):
        lines = experiment.predictions(setting)
        assert len(lines) == sum(s.narrated for s in samples)
        assert {x["video"] for x in lines} == {s.key for s in samples if s.narrated}
        assert all((x["labels_given"] is None) == (setting == "predicted") for x in lines)
    assert all(x["labels_given"] == x["reference_labels"] == x["labels"] for x in lines)
    scores = json.loads((folder / "scores.json").read_text())
    assert set(scores) == {"predicted", "given"}
    assert yaml.safe_load((folder / "config.yaml").read_text())["model"]["lora"]["rank"] == 4
    assert experiment.metrics(key="test/predicted/bleu_1")


def test_a_run_in_bf16_mixed_tests_what_it_trained(experiment):
    assert experiment("run", "--trainer.precision", "bf16-mixed", "--trainer.max_steps", "1") == 0
    assert (experiment.run_folder() / "scores.json").exists()


def test_the_loss_falls(experiment):
    assert experiment("fit", "--trainer.max_epochs", "4", "--model.optimization.lr", "0.03") == 0
    losses = [loss for _, loss in experiment.metrics()]
    assert sum(losses[-3:]) / 3 < sum(losses[:3]) / 3 - 0.5


def test_training_is_in_training_mode_with_checkpointing_where_asked(experiment, monkeypatch):
    """Models come from transformers in evaluation mode, where neither dropout nor checkpointing would do anything."""
    from vn.train.module import NarratorModule

    seen = []
    plain = NarratorModule.training_step

    def look(self, batch, batch_idx):
        llm = self.narrator.causal_lm.model
        seen.append((all(m.training for m in self.narrator.modules()), llm.layers[0].gradient_checkpointing))
        return plain(self, batch, batch_idx)

    monkeypatch.setattr(NarratorModule, "training_step", look)
    assert experiment("fit", "--model.gradient_checkpointing", "true", "--trainer.max_epochs", "1") == 0
    assert set(seen) == {(True, True)}


def test_a_checkpoint_holds_only_what_is_trained(experiment):
    assert experiment("fit") == 0
    checkpoint = torch.load(experiment.run_folder() / "checkpoints" / "last.ckpt", weights_only=True)
    assert checkpoint["state_dict"]
    assert all(any(x in k for x in ("lora_", "projector", "position")) for k in checkpoint["state_dict"])


def test_a_finished_run_says_so_and_is_left_alone(experiment, capsys):
    assert experiment("run") == 0
    before = {p: p.stat().st_mtime_ns for p in experiment.run_folder().rglob("*")}
    assert experiment("run") == 0
    assert "is finished" in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in experiment.run_folder().rglob("*")}


def test_another_configuration_in_the_same_folder_is_refused_by_key(experiment, capsys):
    assert experiment("fit") == 0
    assert experiment("fit", "--model.lora.rank", "8") == 2
    error = capsys.readouterr().err
    assert "model.lora.rank: this run folder has 4, but it is now 8" in error


def test_a_run_cut_short_by_steps_resumes_to_the_same_weights(experiment):
    """Resumed = uninterrupted, with dropout on and the cut in the middle of an epoch."""
    assert experiment("fit", name="whole") == 0

    class Cut(Exception):
        pass

    from vn.train.module import NarratorModule

    plain = NarratorModule.training_step

    def cut(self, batch, i):
        if self.trainer.global_step == 5:
            raise Cut
        return plain(self, batch, i)

    NarratorModule.training_step = cut
    try:
        with pytest.raises(Cut):
            experiment("fit", name="cut")
    finally:
        NarratorModule.training_step = plain
    assert not (experiment.run_folder("cut") / "adapter").exists()
    assert experiment("fit", name="cut") == 0
    whole, cut_ = dict(experiment.metrics("whole")), dict(experiment.metrics("cut"))
    assert whole == cut_  # the same losses step for step; steps run twice gave the same twice
    for file in ("narrator.safetensors", "adapter_model.safetensors"):
        a, b = (load_file(experiment.run_folder(n) / "adapter" / file) for n in ("whole", "cut"))
        for key in a:
            torch.testing.assert_close(a[key], b[key], rtol=0, atol=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_accumulation_and_workers_change_nothing(experiment, workers):
    """1 micro-batch a step = 3 a step: the loss is a mean over the step's tokens, however they are dealt."""
    args = ("--model.lora.dropout", "0.0", "--data.workers", str(workers), "--trainer.max_epochs", "1")
    assert experiment("fit", *args, name="one") == 0
    assert experiment("fit", *args, "--trainer.accumulate_grad_batches", "3", name="three") == 0
    a, b = (load_file(experiment.run_folder(n) / "adapter" / "narrator.safetensors") for n in ("one", "three"))
    for key in a:
        torch.testing.assert_close(a[key], b[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("no_lora", ("lora", "rank", 0)),
        ("no_position", ("visual", "position", False)),
        ("no_compression", ("visual", "compression", False)),
        ("no_memory", ("visual", "memory", "all")),
        ("memory_none", ("visual", "memory", "none")),
    ],
)
def test_an_ablation_is_its_overlay(experiment, name, changed):
    assert experiment("fit", "--ablation", name, "--trainer.max_epochs", "1", name=name) == 0
    card = json.loads((experiment.run_folder(name) / "adapter" / "narrator.json").read_text())
    assert card[changed[0]][changed[1]] == changed[2]
    config = yaml.safe_load((experiment.run_folder(name) / "config.yaml").read_text())
    assert config["ablation"] == name
    if name == "no_lora":
        assert not (experiment.run_folder(name) / "adapter" / "adapter_model.safetensors").exists()


def test_without_a_storyline_only_predicted_is_tested_and_no_label_written(experiment):
    assert experiment("run", "--ablation=no_storyline", "--trainer.max_epochs", "1") == 0
    assert not (experiment.run_folder() / "predictions.given.jsonl").exists()
    assert all(x["labels"] is None for x in experiment.predictions())


def test_testing_again_from_the_run_folder_gives_the_same_predictions(experiment, tmp_path):
    assert experiment("run", "--trainer.max_epochs", "1") == 0
    out = tmp_path / "again"
    assert main(["test", "--run", str(experiment.run_folder()), "--out", str(out)]) == 0
    for file in ("predictions.predicted.jsonl", "predictions.given.jsonl", "stories.jsonl"):
        assert (out / file).read_text() == (experiment.run_folder() / file).read_text()


def test_another_videos_frames_are_a_control(experiment, tmp_path):
    assert experiment("run", "--trainer.max_epochs", "1") == 0
    out = tmp_path / "other"
    args = ["--run", str(experiment.run_folder()), "--data.frames", "other_video", "--out", str(out)]
    assert main(["test", *args]) == 0
    stories = (out / "stories.jsonl").read_text()
    assert stories == (experiment.run_folder() / "stories.jsonl").read_text()


def test_predict_and_validate(experiment, tmp_path):
    assert experiment("fit", "--trainer.max_epochs", "1") == 0
    out = tmp_path / "p"
    assert (
        main(["predict", "--run", str(experiment.run_folder()), "--out", str(out), "--test.storyline", "[given]"]) == 0
    )
    assert (out / "predictions.given.jsonl").exists()
    assert not (out / "scores.json").exists()
    assert main(["validate", "--run", str(experiment.run_folder())]) == 0


def break_file(file, how):
    if how == "truncate":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.unlink()


@pytest.mark.parametrize(
    "file", ["narrator.safetensors", "adapter_model.safetensors", "narrator.json", "template.yaml"]
)
@pytest.mark.parametrize("how", ["truncate", "delete"])
def test_a_damaged_adapter_is_named(experiment, capsys, file, how):
    assert experiment("fit", "--trainer.max_epochs", "1") == 0
    break_file(experiment.run_folder() / "adapter" / file, how)
    capsys.readouterr()
    assert main(["test", "--run", str(experiment.run_folder())]) == 2
    error = capsys.readouterr().err
    assert str(experiment.run_folder() / "adapter") in error
    assert len(error.strip().splitlines()[-1]) < 400


def test_a_damaged_checkpoint_is_named(experiment, capsys):
    assert experiment("fit", "--trainer.max_epochs", "1") == 0
    import shutil

    shutil.rmtree(experiment.run_folder() / "adapter")
    break_file(experiment.run_folder() / "checkpoints" / "last.ckpt", "truncate")
    assert experiment("fit", "--trainer.max_epochs", "1") == 2
    assert "last.ckpt: damaged checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--modle.lora.rank", "3"], "did you mean 'model.lora.rank'"),
        (["--model.lora.rnk", "3"], "did you mean 'model.lora.rank'"),
        (["--model.lora.rank", "many"], "model.lora.rank"),
        (["--model.visual.memory", "some"], "model.visual.memory"),
        (["--ablation", "no_memry"], "did you mean 'no_memory'"),
        (["--config", '{"model.lora.rnk": 3}'], "did you mean 'model.lora.rank'"),
        (["--config", '{"ablation": "no_memry"}'], "did you mean 'no_memory'"),
        (["--config", '{"model": {"lora": {"rank": -1}}}'], "model.lora.rank: expected 0 to 100000, got -1"),
        (["--config", '{"model": '], "--config: not JSON"),
        (["--config", "nowhere.json"], "nowhere.json: No such file"),
        (["--model.base_model", "./nowhere"], "no such model folder"),
        (["--data.folder", "nowhere"], "nowhere: no such data folder"),
        (["--data.clips_per_step", "0"], "clips_per_step"),
        (
            ["--trainer.precision", "bf16-true"],
            "trainer.precision: bf16-true changes the type of all weights; use bf16-mixed",
        ),
        (["--trainer.precision", "64-true"], "trainer.precision: 64-true changes the type of all weights"),
        (["--model.template", "ad-fr"], "no template 'ad-fr'"),
        (["--model.max_length", "40"], "more than max_length 40"),
    ],
)
def test_bad_configuration_is_one_line_and_exit_code_2(experiment, capsys, args, message):
    assert experiment("fit", *args) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vn fit: error: ")
    assert message in error


def test_an_unknown_key_in_a_file_is_named_with_a_suggestion(experiment, capsys):
    experiment.config.write_text(experiment.config.read_text().replace("clips_per_step", "clips_per_stp"))
    assert experiment("fit") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "clips_per_stp" in error
    assert "did you mean 'clips_per_step'" in error


def test_debug_fast_runs_a_few_steps_of_everything(experiment):
    assert experiment("run", "--debug", "fast") == 0
    assert 1 < len(experiment.metrics()) < 6
    assert experiment.metrics(key="val/loss")
    assert len({x["video"] for x in experiment.predictions()}) <= 4


def test_debug_overfit_learns_a_few_videos_by_heart(experiment):
    flags = ("--debug=overfit", "--trainer.max_epochs", "40", "--model.optimization.lr", "0.03")  # later flags win
    assert experiment("run", *flags) == 0
    losses = [loss for _, loss in experiment.metrics()]
    assert len(losses) == 40
    assert losses[-1] < losses[0] - 2
    assert experiment.metrics(key="val/loss")[-1][1] == pytest.approx(losses[-1], abs=0.2)  # of the same videos
    assert {x["video"].split("-")[0] for x in experiment.predictions()} == {"train"}


def test_an_unknown_preset_is_refused(experiment, capsys):
    assert experiment("fit", "--debug", "overfitt") == 2
    assert "did you mean 'overfit'" in capsys.readouterr().err
