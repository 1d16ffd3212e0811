"""Checkpoints to resume from, and the weights that a run keeps: the best or the final ones.

A checkpoint is written between two steps: after everything that belongs to a step, including its log lines and a
validation, and before the next step begins. So a resumed run continues with exactly what would have come next. Only if
SIGTERM arrives during a validation, which may take too long to finish, it is written before that, and records it.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Literal

import lightning as L
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.trainer.states import TrainerFn

from vn.adapter import describe, replace_folder, save_adapter
from vn.card import note_base
from vn.run_folder.sigterm import Preempted, Sigterm
from vn.train.datamodule import StoryDataModule
from vn.train.loggers import JsonlLogger
from vn.train.module import NarratorModule
from vn.train.strategy import gathered
from vn.train.training_ngrams import training_ngrams

LAST = "last.ckpt"
BEST = "best"


class Checkpoints(Checkpoint):
    """Writes ``last.ckpt`` at a fixed interval of steps, and when SIGTERM asks the process to end.

    Args:
        folder: folder of the checkpoints.
        every: optimizer steps between two of them.
        sigterm: whether the process has been asked to end.
    """

    def __init__(self, folder: Path, every: int, sigterm: Sigterm) -> None:
        self.file = folder / LAST
        self.every = every
        self.sigterm = sigterm
        self._saved: int | None = None  # the step of the newest checkpoint
        self._last = 0  # the step that ends training
        self._epoch_is_new = False  # resumed between two epochs
        self._validation_due = False  # resumed before the validation that follows the step

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the learning rate, the log and an interrupted validation when training is resumed."""
        assert isinstance(pl_module, NarratorModule)
        self._saved, self._last = trainer.global_step, pl_module.horizon
        self.sigterm.awaited = True
        for config in trainer.lr_scheduler_configs:  # a fresh optimizer does not have the schedule's current rate
            rates = config.scheduler.get_last_lr()
            for group, rate in zip(config.scheduler.optimizer.param_groups, rates, strict=True):
                group["lr"] = rate
        for logger in trainer.loggers:
            if isinstance(logger, JsonlLogger):
                logger.rewind(trainer.global_step, validated=not self._validation_due)
        if self._validation_due:
            self._validate(trainer)

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start an epoch without steps like any other, not as a resumed one."""
        if self._epoch_is_new:
            trainer.fit_loop.epoch_loop.restarting = False  # it begins like any other epoch
            self._epoch_is_new = False

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Between two optimizer steps, save if it is due, and end if SIGTERM was received."""
        if batch_idx % trainer.accumulate_grad_batches == 0:
            self._between_steps(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Do the same after an epoch's last step."""
        self._between_steps(trainer)

    def on_validation_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Leave a validation on SIGTERM, except the last one, which no step follows."""
        in_training = trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking
        if in_training and trainer.global_step < self._last and self._asked(trainer):
            self._validation_due = True
            self._save(trainer)
            self._leave()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """From now on SIGTERM ends the process at once."""
        self.sigterm.awaited = False

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """The same after an error."""
        self.sigterm.awaited = False

    def _between_steps(self, trainer: L.Trainer) -> None:
        asked = self._asked(trainer)
        if trainer.global_step % self.every == 0 or asked:
            self._save(trainer)
        if asked:
            self._leave()

    def _asked(self, trainer: L.Trainer) -> bool:
        return trainer.strategy.reduce_boolean_decision(self.sigterm.received, all=False)

    def _save(self, trainer: L.Trainer) -> None:
        if trainer.global_step != self._saved:
            trainer.save_checkpoint(self.file, weights_only=False)  # to resume from: optimizer and schedule too
            self._saved = trainer.global_step

    def _leave(self) -> None:
        self.sigterm.awaited = False
        raise Preempted

    def _validate(self, trainer: L.Trainer) -> None:
        """Run the validation that was left, with Lightning's counters as they were then."""
        loop, shown = trainer.fit_loop.epoch_loop, trainer._logger_connector
        epoch: Any = trainer.fit_loop.epoch_progress.current
        counters = epoch.processed, epoch.completed, loop._batches_that_stepped, shown._first_loop_iter
        if self._epoch_is_new:  # it belongs to the epoch before
            epoch.processed, epoch.completed = epoch.processed - 1, epoch.completed - 1
            loop._batches_that_stepped -= 1
        trainer.validating = True
        loop.val_loop.restarting = False
        loop.val_loop.run()
        trainer.training = True
        epoch.processed, epoch.completed, loop._batches_that_stepped, shown._first_loop_iter = counters
        self._validation_due = False

    def state_dict(self) -> dict[str, Any]:
        """Whether a validation was interrupted."""
        return {"validation_due": self._validation_due}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore it."""
        self._validation_due = state["validation_due"]

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Record the W&B run, which a resumed run continues."""
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                checkpoint["wandb_run_id"] = logger.version

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Set Lightning's counters to the position between two steps that the data module resumes at.

        Lightning's own reading of counters saved at an epoch's end compares the batches of that epoch with those of
        the next one. Ours differ, so the next epoch would seem to have run already, all or in part.
        """
        data: StoryDataModule = trainer.datamodule  # type: ignore[attr-defined]
        epoch, step = data.resumes_at
        self._epoch_is_new = step == 0
        loops = checkpoint["loops"]["fit_loop"]
        begun = epoch + (step > 0)
        for counts in (loops["epoch_progress"]["total"], loops["epoch_progress"]["current"]):
            counts.update(ready=begun, started=begun, processed=epoch, completed=epoch)
        # Within an epoch, as in the hook after a batch: Lightning continues with the next batch.
        batches = step * trainer.accumulate_grad_batches
        total = checkpoint["global_step"] * trainer.accumulate_grad_batches
        progress = loops["epoch_loop.batch_progress"]
        for counts, n in ((progress["current"], batches), (progress["total"], total)):
            counts.update(ready=n, started=n, processed=n, completed=n - (step > 0))
        progress["is_last_batch"] = False
        for counts in loops["epoch_loop.val_loop.batch_progress"].values():
            if isinstance(counts, dict):
                counts.update(dict.fromkeys(counts, 0))  # a validation that was left starts over
        loops["epoch_loop.state_dict"]["_batches_that_stepped"] = checkpoint["global_step"] - (step > 0)


class Best(L.Callback):
    """Keeps the weights with the lowest ``val/loss`` as an adapter folder.

    Args:
        folder: folder of the checkpoints.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / BEST
        self.score: float | None = None

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep these weights if their loss is the lowest."""
        assert isinstance(pl_module, NarratorModule)
        if trainer.sanity_checking or "val/loss" not in trainer.callback_metrics:
            return
        score = float(trainer.callback_metrics["val/loss"])
        if self.score is None or score < self.score:
            self.score = score
            write_adapter(self.folder, trainer, pl_module)

    def state_dict(self) -> dict[str, Any]:
        """The lowest loss so far."""
        return {"score": self.score}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore it."""
        self.score = state["score"]


class SaveAdapter(L.Callback):
    """Writes the adapter folder when training has ended as planned.

    Args:
        folder: the adapter folder.
        best: keeps the best weights, if the adapter gets these; None writes the final ones.
    """

    def __init__(self, folder: Path, best: Best | None) -> None:
        self.folder = folder
        self.best = best
        self._saved = False

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the adapter folder."""
        self._save(trainer, pl_module)

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write it also if nothing was left to train."""
        if not trainer.interrupted and not self._saved:  # nothing was left to train
            self._save(trainer, pl_module)

    def _save(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, NarratorModule)
        self._saved = True
        assembly = pl_module.assembled
        if trainer.is_global_zero:
            assembly.ngrams = training_ngrams(assembly.builder, pl_module.data)
        if self.best is None or self.best.score is None:
            write_adapter(self.folder, trainer, pl_module)
            return
        if trainer.is_global_zero:
            with replace_folder(self.folder) as new:
                shutil.copytree(self.best.folder, new, dirs_exist_ok=True)
                describe(new, assembly.card, assembly.ngrams)
                note_base(new, self.folder)
        trainer.strategy.barrier("adapter-saved")


def write_adapter(folder: Path, trainer: L.Trainer, module: NarratorModule) -> None:
    """Write what has been trained as an adapter folder; all ranks call it."""
    with gathered(module.parameters()):
        if trainer.is_global_zero:
            save_adapter(folder, module.assembled)
    trainer.strategy.barrier("adapter-written")


def checkpoint_callbacks(
    folder: Path, adapter: Path, every: int, keep: Literal["best", "last"], sigterm: Sigterm
) -> list[L.Callback]:
    """The callbacks that save a training run's weights.

    Args:
        folder: folder of the checkpoints.
        adapter: the adapter folder at the end.
        every: optimizer steps between checkpoints.
        keep: which weights the adapter has.
        sigterm: see `Checkpoints`.
    """
    best = Best(folder) if keep == "best" else None
    return [*([best] if best else []), Checkpoints(folder, every, sigterm), SaveAdapter(adapter, best)]
