"""What a step logs, and what stops a run that goes wrong."""

import json
import shutil
from types import SimpleNamespace

import pytest
import torch
from made_up import damage
from safetensors.torch import load_file

import vn.train.module
from vn.cli import main
from vn.data.manifest import Manifest
from vn.errors import InputError
from vn.narrator import VideoNarrator
from vn.train import monitor
from vn.train.monitor import StepMonitor
from vn.train.step_sums import Part


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


@pytest.fixture
def gated(monkeypatch):
    """Trains as on CUDA, where the host reads the numbers of a step later."""
    monkeypatch.setattr(vn.train.module, "can_be_fused", lambda trainer: True)


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


def test_an_engine_that_shows_its_norm_after_the_step_names_that_step():
    strategy = SimpleNamespace(handles_gradient_accumulation=True)
    engine = SimpleNamespace(get_global_grad_norm=lambda: float("inf"))
    after = {"global_step": 5, "accumulate_grad_batches": 1, "world_size": 1, "is_global_zero": True}
    trainer = SimpleNamespace(strategy=strategy, model=engine, precision="bf16-mixed", **after)
    monitor = StepMonitor(bad_samples=0)
    monitor._parts = [Part(torch.tensor(1.0), ["video#3"], 0, {})]
    with pytest.raises(InputError, match=r"^the gradient norm is inf at step 4; the clips: video#3$"):
        monitor.on_train_batch_end(trainer, None, None, None, 0)


@pytest.fixture
def poisoned_step(monkeypatch):
    """Makes the gradients of one optimizer step NaN; the narrators that trained."""
    plain, narrators = VideoNarrator.forward, {}

    def set_up(step):
        calls = iter(range(1000))

        def forward(self, batch):
            narrators["last"] = self
            loss = plain(self, batch)
            if next(calls) == step:
                loss.register_hook(lambda grad: grad * float("nan"))
            return loss

        monkeypatch.setattr(VideoNarrator, "forward", forward)

    return set_up, narrators


@pytest.mark.parametrize("every", ["1", "3", "7"])
def test_a_step_that_is_held_back_leaves_the_weights_as_they_were(experiment, capsys, gated, poisoned_step, every):
    """It is read at the next log line, validation or checkpoint, and neither it nor a later one has been applied."""
    set_up, narrators = poisoned_step
    args = ("--trainer.log_every_n_steps", every, "--trainer.limit_val_batches", "0", "--checkpoint_every", "1000")
    args += ("--model.optimization.schedule", "constant", "--model.optimization.warmup", "0")
    assert experiment("fit", *args, "--trainer.max_steps", "4", name="good") == 0
    set_up(4)
    assert experiment("fit", *args, name="bad") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("vn fit: error: the gradient norm is nan at step 4; the clips: train-")
    kept = {name: value.clone() for name, value in narrators["last"].trainable_state().items()}
    good = load_file(experiment.run_folder("good") / "adapter" / "narrator.safetensors")
    common = kept.keys() & good.keys()
    assert common
    assert all(kept[name].equal(good[name]) for name in common)
    assert not (experiment.run_folder("bad") / "adapter").exists()
    assert not (experiment.run_folder("bad") / "checkpoints").exists()


def test_a_run_without_log_lines_sees_a_bad_step_soon(experiment, capsys, gated, poisoned_step, monkeypatch):
    set_up, _ = poisoned_step
    set_up(1)
    steps = []
    plain = monitor.StepMonitor.on_train_batch_end

    def end(self, trainer, *others):
        steps.append(trainer.global_step)
        plain(self, trainer, *others)

    monkeypatch.setattr(monitor.StepMonitor, "on_train_batch_end", end)
    monkeypatch.setattr(monitor, "MOST_UNREAD", 2)
    never = ("--trainer.log_every_n_steps", "1000", "--trainer.limit_val_batches", "0", "--checkpoint_every", "1000")
    assert experiment("fit", *never) == 2
    assert "nan at step 1" in capsys.readouterr().err
    assert steps == [1, 2]


def test_no_checkpoint_has_a_step_that_was_held_back(experiment, capsys, gated, poisoned_step):
    set_up, _ = poisoned_step
    set_up(3)
    never = ("--trainer.log_every_n_steps", "1000", "--trainer.limit_val_batches", "0")
    assert experiment("fit", *never, "--checkpoint_every", "1") == 2
    assert "nan at step 3" in capsys.readouterr().err
    last = torch.load(experiment.run_folder() / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 3
    steps = {int(state["step"]) for state in last["optimizer_states"][0]["state"].values()}
    assert steps == {3}
    assert all(value.isfinite().all() for value in last["state_dict"].values())


def test_numbers_read_later_are_the_numbers_read_at_once(experiment, monkeypatch):
    """Loss, norm, clips cut and bad samples; log lines are those of the same steps."""
    args = ("--trainer.log_every_n_steps", "2", "--model.max_length", "560")
    assert experiment("fit", *args, name="at_once") == 0
    monkeypatch.setattr(vn.train.module, "can_be_fused", lambda trainer: True)
    assert experiment("fit", *args, name="later") == 0
    for key in ("train/loss", "train/grad_norm", "train/cut", "train/bad_samples", "val/loss"):
        ours, theirs = (experiment.metrics(name, key) for name in ("later", "at_once"))
        assert [step for step, _ in ours] == [step for step, _ in theirs]
        assert dict(ours) == pytest.approx(dict(theirs), rel=1e-4), key


def test_a_budget_of_bad_samples_is_kept_when_they_are_read_later(experiment, capsys, gated, copy):
    damage(copy, "train-0-1", "train-2-3")
    args = ("--data.folder", str(copy), "--trainer.log_every_n_steps", "3")
    assert experiment("fit", *args, "--data.bad_samples", "1", name="one") == 2
    assert "1 may be bad (data.bad_samples)" in capsys.readouterr().err.strip().splitlines()[-1]
    assert experiment("fit", *args, "--data.bad_samples", "2", name="two") == 0
    assert experiment.metrics("two", "train/bad_samples")[-1][1] == 2


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
