"""Where a command reads and writes: its run's folder, and whether that holds another run, or a finished one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from vn.environment import wandb_variables
from vn.errors import InputError
from vn.io.files import read_yaml
from vn.train.same_run import refuse_other

if TYPE_CHECKING:
    from jsonargparse import Namespace

CONFIG = "config.yaml"
TRAINING = ("fit", "run")


class Finished(Exception):
    """The run folder contains a finished run with the same configuration."""


class Place:
    """The folders of a command.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        settings: its parsed configuration; a run without a name gets one here.
    """

    def __init__(self, command: str, settings: Namespace) -> None:
        settings.name = settings.name or run_name(settings)
        self.command = command
        self.settings = settings

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.settings.runs, self.settings.name)

    @property
    def output(self) -> Path:
        """The folder that the command writes to."""
        if self.command in TRAINING:
            return self.folder
        if self.settings.out:
            return Path(self.settings.out)
        point = wandb_variables().point
        return Path(self.settings.runs) / point if point else self.folder

    def refuse_other(self, dump: Callable[[], str]) -> None:
        """Compare the configuration with that of the run in the folder, if there is one.

        Args:
            dump: gives the configuration as YAML.

        Raises:
            InputError: it is another one, or no run may be there.
        """
        file = self.folder / CONFIG
        # A run that failed before its first step has left nothing that needs protection.
        if file.exists() and any((self.folder / name).exists() for name in ("metrics.jsonl", "checkpoints", "adapter")):
            refuse_other(file, read_yaml(file), yaml.safe_load(dump()))
            if self.settings.resume == "never":
                raise InputError("the run folder exists; give another --name, or --resume auto", file=self.folder)

    def refuse_finished(self) -> None:
        """Raise `Finished` if there is nothing left to do."""
        trained = (self.folder / "adapter").exists()
        if trained and (self.command == "fit" or (self.folder / "scores.json").exists()):
            raise Finished(self.folder)


def run_name(settings: Namespace) -> str:
    """The default name of a run: its experiment's, with its ablation."""
    if point := wandb_variables().point:
        return point
    files = [Path(str(file)) for file in settings.config or []]
    stem = next((file.stem for file in files if file.parent.name != "ablations"), "run")
    variant = [] if settings.ablation == "full" else [settings.ablation]
    return "-".join([stem, *variant, *([] if settings.debug == "off" else [settings.debug])])
