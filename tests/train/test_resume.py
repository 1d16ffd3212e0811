"""Resumed = uninterrupted, bit for bit, from any step."""

import json
import os
import signal

import pytest
from safetensors.torch import load_file

from vn.train.module import NarratorModule

EPOCHS = ("--trainer.max_epochs", "3")  # of 5, 4 and 5 steps: epochs are not equally long


class Cut(Exception):
    """Ends a training as a crash would."""


@pytest.fixture
def cut_at(experiment, monkeypatch):
    """Runs a fit that dies when it is about to compute the given step."""
    plain = NarratorModule.training_step

    def run(step, *args, name="cut"):
        def dies(self, batch, batch_idx):
            if self.trainer.global_step == step:
                raise Cut
            return plain(self, batch, batch_idx)

        with monkeypatch.context() as patch:
            patch.setattr(NarratorModule, "training_step", dies)
            with pytest.raises(Cut):
                experiment("fit", *args, name=name)

    return run


def weights(experiment, name):
    return {
        (file.name, key): value
        for file in (experiment.run_folder(name) / "adapter").glob("*.safetensors")
        for key, value in load_file(file).items()
    }


def lines(experiment, name):
    text = (experiment.run_folder(name) / "metrics.jsonl").read_text()
    return [{k: v for k, v in json.loads(line).items() if not k.startswith("speed/")} for line in text.splitlines()]


def assert_same(experiment, a, b):
    assert lines(experiment, a) == lines(experiment, b)  # each step once, also where steps were run again
    ours, theirs = weights(experiment, a), weights(experiment, b)
    assert ours.keys() == theirs.keys()
    assert all(ours[key].equal(theirs[key]) for key in ours)


@pytest.mark.parametrize(
    "args",
    [
        ("--keep", "best"),
        ("--trainer.accumulate_grad_batches", "2", "--trainer.val_check_interval", "4", "--keep", "best"),
    ],
    ids=["validated at an epoch's end", "accumulated, and validated in the middle"],
)
def test_resumed_after_every_single_step(experiment, cut_at, args):
    """Dropout is on, and the number of workers changes."""
    args = (*args, *EPOCHS)
    assert experiment("fit", *args, name="whole") == 0
    steps = len(experiment.metrics("whole"))
    assert steps == 14
    for step in range(1, steps):
        cut_at(step, *args, "--checkpoint_every", "1", "--data.workers", "1" if step % 5 == 0 else "0")
    assert experiment("fit", *args, name="cut") == 0
    assert_same(experiment, "whole", "cut")


@pytest.mark.parametrize("every", [3, 5, 100])
def test_steps_that_were_lost_are_run_again_and_logged_once(experiment, cut_at, every):
    """Checkpoints on an epoch's last step (5), across epochs (3), and none at all (100)."""
    args = ("--checkpoint_every", str(every), *EPOCHS)
    assert experiment("fit", *args, name="whole") == 0
    for step in (4, 7, 11):
        cut_at(step, *args)
    assert experiment("fit", *args, name="cut") == 0
    assert_same(experiment, "whole", "cut")


def test_resumed_after_the_last_step(experiment, monkeypatch):
    """The run dies when all is trained, but nothing is saved of it yet."""
    args = ("--checkpoint_every", "14", *EPOCHS)
    assert experiment("fit", *args, name="whole") == 0

    def dies(*_):
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr("vn.train.checkpoints.write_adapter", dies)
        with pytest.raises(Cut):
            experiment("fit", *args, name="cut")
    assert experiment("fit", *args, name="cut") == 0
    assert_same(experiment, "whole", "cut")


@pytest.fixture
def terminated_in(experiment, monkeypatch):
    """Runs a fit that gets SIGTERM within its next validation."""
    plain = NarratorModule.validation_step

    def run(*args, name="cut"):
        def hears(self, batch, batch_idx):
            os.kill(os.getpid(), signal.SIGTERM)
            return plain(self, batch, batch_idx)

        with monkeypatch.context() as patch:
            patch.setattr(NarratorModule, "validation_step", hears)
            return experiment("fit", *args, name=name)

    return run


@pytest.mark.parametrize(
    "args",
    [("--trainer.max_epochs", "3"), ("--trainer.val_check_interval", "2", "--trainer.max_epochs", "2")],
    ids=["at an epoch's end", "in the middle"],
)
def test_sigterm_within_a_validation_is_heard_at_once(experiment, terminated_in, cut_at, args):
    """The validation is run when the same command goes on, also when that is stopped or dies again."""
    args = (*args, "--keep", "best", "--checkpoint_every", "100")
    assert experiment("fit", *args, name="whole") == 0
    validations = experiment.metrics("whole", "val/loss")
    assert len(validations) > 2
    for _ in range(2):  # the second is stopped in the same validation
        assert terminated_in(*args) == 143
        assert experiment.metrics("cut", "val/loss") == []
    cut_at(validations[0][0] + 1, *args)  # dies behind the validation, which is run once more
    assert experiment.metrics("cut", "val/loss") == validations[:1]
    assert terminated_in(*args) == 143
    assert experiment("fit", *args, name="cut") == 0
    assert_same(experiment, "whole", "cut")


@pytest.mark.parametrize("more", [(), ("--trainer.max_steps", "1000")])
def test_sigterm_within_the_last_validation_ends_behind_it(experiment, terminated_in, more):
    args = ("--trainer.max_epochs", "1", "--keep", "best", *more)
    assert experiment("fit", *args, name="whole") == 0
    assert terminated_in(*args) == 143
    assert len(experiment.metrics("cut", "val/loss")) == 1
    assert experiment("fit", *args, name="cut") == 0
    assert_same(experiment, "whole", "cut")


def test_resumed_with_another_accumulation(experiment, cut_at):
    """The steps are the same, so a run may go on where there is less memory."""
    args = (*EPOCHS, "--model.lora.dropout", "0.0", "--checkpoint_every", "1")
    assert experiment("fit", *args, name="whole") == 0
    cut_at(6, *args)
    cut_at(10, *args, "--trainer.accumulate_grad_batches", "3")
    assert experiment("fit", *args, name="cut") == 0
    assert dict(experiment.metrics("cut")) == pytest.approx(dict(experiment.metrics("whole")), rel=1e-3)


def test_resumed_from_the_weights_with_a_fresh_optimizer(experiment, cut_at):
    args = (*EPOCHS, "--model.lora.dropout", "0.0", "--checkpoint_every", "3")
    assert experiment("fit", *args, name="whole") == 0
    cut_at(7, *args)
    assert experiment("fit", *args, "--resume", "weights", name="cut") == 0
    whole, cut = dict(experiment.metrics("whole")), dict(experiment.metrics("cut"))
    assert [whole[step] == cut[step] for step in range(9)] == [True] * 7 + [False] * 2  # Adam's moments are new
    assert list(whole) == list(cut)
    assert cut[13] == pytest.approx(whole[13], rel=0.1)


def test_fewer_epochs_than_are_done_are_refused_in_a_sentence(experiment, cut_at, tmp_path, capsys):
    cut_at(11, *EPOCHS, "--checkpoint_every", "1")
    (tmp_path / "runs" / "cut" / "config.yaml").unlink()  # only a checkpoint was copied there
    assert experiment("fit", "--trainer.max_epochs", "1", "--resume", "weights", name="cut") == 2
    assert "epochs, more than the requested 1" in capsys.readouterr().err
