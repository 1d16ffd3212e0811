"""What a step logs, and what stops a run that goes wrong."""

import json
import shutil

import pytest
import torch
from made_up import damage

from vn.cli import main
from vn.data.manifest import Manifest
from vn.narrator import VideoNarrator


@pytest.fixture
def poison(monkeypatch):
    """Makes the loss of any micro-batch that holds a video into the given number."""
    plain = VideoNarrator.forward

    def set_up(video, value):
        def forward(self, batch):
            loss = plain(self, batch)
            return loss * value if any(key.startswith(video + "#") for key in batch.keys) else loss

        monkeypatch.setattr(VideoNarrator, "forward", forward)

    return set_up


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_stops_the_run_and_names_the_clips(experiment, capsys, poison, value):
    poison("train-2-6", value)
    assert experiment("fit", "--trainer.accumulate_grad_batches", "4", "--checkpoint_every", "1") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith(f"vn fit: error: the loss is {value} at step ")
    assert "train-2-6#" in error
    step = int(error.split("step ")[1].split(";")[0])
    last = experiment.run_folder() / "checkpoints" / "last.ckpt"
    assert (torch.load(last, weights_only=True)["global_step"] if last.exists() else 0) == step  # before the damage
    assert not (experiment.run_folder() / "adapter").exists()


def test_gradients_that_are_no_numbers_stop_the_run(experiment, capsys, monkeypatch):
    from vn.visual.projector import Projector

    plain = Projector.forward

    def forward(self, tokens):
        out = plain(self, tokens)
        out.register_hook(lambda grad: grad * float("nan"))
        return out

    monkeypatch.setattr(Projector, "forward", forward)
    assert experiment("fit") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vn fit: error: the gradient norm is nan at step 0; the clips: train-")


@pytest.fixture
def copy(data, tmp_path):
    return shutil.copytree(data, tmp_path / "copy")


def test_bad_samples_are_left_out_up_to_a_budget(experiment, capsys, copy):
    """One more than the budget stops the run; the same video in a later epoch counts once."""
    damage(copy, "train-0-1", "train-2-3")
    args = ("--data.folder", str(copy))
    assert experiment("fit", *args, name="none") == 2
    assert "train-" in capsys.readouterr().err.strip().splitlines()[-1]
    assert experiment("fit", *args, "--data.bad_samples", "1", name="one") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "1 may be bad (data.bad_samples)" in error
    assert experiment("fit", *args, "--data.bad_samples", "2", name="two") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out")]
    assert len(said) == 2
    assert experiment.metrics("two", "train/bad_samples")[-1][1] == 2


def test_what_is_left_out_does_not_depend_on_how_a_step_is_dealt(experiment, copy):
    damage(copy, "train-2-3")
    args = ("--data.folder", str(copy), "--data.bad_samples", "1", "--model.lora.dropout", "0.0")
    assert experiment("fit", *args, name="one") == 0
    assert experiment("fit", *args, "--trainer.accumulate_grad_batches", "3", name="three") == 0
    ones, threes = dict(experiment.metrics("one")), dict(experiment.metrics("three"))
    assert ones == pytest.approx(threes, rel=1e-5)


def test_speed_is_logged(experiment):
    assert experiment("fit", "--trainer.log_every_n_steps", "2", "--trainer.max_epochs", "1") == 0
    lines = [json.loads(x) for x in (experiment.run_folder() / "metrics.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "speed/tokens_per_s" in line]
    assert [line["step"] for line in logged] == [1, 3]
    for line in logged:
        assert line["speed/tokens_per_s"] > line["speed/videos_per_s"] > 0
        assert 0 <= line["speed/data_wait"] <= 1
        assert line["speed/peak_memory_gb"] > 0
        assert line["train/grad_norm"] > 0
        assert line["train/cut"] == 0


def test_clips_that_were_cut_are_counted(experiment):
    assert experiment("fit", "--model.max_length", "560", "--trainer.max_epochs", "1") == 0
    assert sum(count for _, count in experiment.metrics(key="train/cut")) > 0


def test_bad_samples_has_its_bounds(experiment, capsys):
    assert main(["fit", "--config", str(experiment.config), "--data.bad_samples", "-1"]) == 2
    assert "data.bad_samples" in capsys.readouterr().err


def test_a_bad_sample_of_the_val_split_stops_the_run_whatever_the_budget(experiment, capsys, copy):
    """Its loss would not be that of the split."""
    key = Manifest.load(copy).samples("val")[0].key
    damage(copy, key, split="val")
    assert experiment("fit", "--data.folder", str(copy), "--data.bad_samples", "9") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"{key}.frames.npy" in error or f"{key}: frames.npy" in error
