"""The trainer of a command; what every run needs is attached in code, since overlaid YAML lists would drop it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning as L
from jsonargparse import Namespace
from lightning.pytorch.plugins.precision import DoublePrecision, HalfPrecision
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from vn.errors import InputError
from vn.run_folder.sigterm import Sigterm
from vn.score.command import score_folder
from vn.train.callbacks import AfterTest, StepSeed
from vn.train.checkpoint_io import use_our_checkpoints
from vn.train.checkpoints import checkpoint_callbacks
from vn.train.monitor import StepMonitor, ValidationMonitor
from vn.train.story_table import StoryTable


def as_list(value: Any) -> list[Any]:
    """A list from what Lightning accepts as one object, as a list, or as nothing."""
    if value is None or isinstance(value, bool):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def run_callbacks(folder: Path, settings: Namespace, sigterm: Sigterm, training: bool) -> list[L.Callback]:
    """The callbacks of every run.

    Args:
        folder: the run folder.
        settings: the parsed configuration.
        sigterm: whether the process has been asked to end.
        training: whether the command trains.
    """
    callbacks: list[L.Callback] = [
        AfterTest(score_folder),
        StepSeed(int(settings.seed_everything or 0)),
        ValidationMonitor(),
    ]
    if training:
        places = (folder / "checkpoints", folder / "adapter")
        callbacks.append(StepMonitor(settings.data.bad_samples))
        callbacks += checkpoint_callbacks(*places, settings.checkpoint_every, settings.keep, sigterm)
    return [*callbacks, StoryTable(folder / "adapter")]


def build_trainer(config: dict[str, Any], fresh_optimizer: bool) -> L.Trainer:
    """Lightning's trainer, with our handling of checkpoints and signals.

    Args:
        config: its arguments.
        fresh_optimizer: resume from a checkpoint's weights only.

    Raises:
        InputError: an argument is wrong.
    """
    try:
        trainer = L.Trainer(**config)
    except InputError:
        raise
    except (TypeError, ValueError, MisconfigurationException) as error:  # about values that only Lightning checks
        raise InputError(str(error), field="trainer") from None
    if isinstance(trainer.precision_plugin, HalfPrecision | DoublePrecision):
        way_out = "use bf16-mixed, 16-mixed or 32-true, and model.dtype for the frozen weights"
        raise InputError(f"{trainer.precision} changes the type of all weights; {way_out}", field="trainer.precision")
    use_our_checkpoints(trainer, fresh_optimizer=fresh_optimizer)
    trainer._signal_connector.register_signal_handlers = _no_handlers  # type: ignore[method-assign]
    return trainer


def _no_handlers() -> None:
    """Replaces Lightning's signal handlers; `vn.run_folder.sigterm` explains why."""
