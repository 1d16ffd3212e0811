"""Parses and checks a command as usual, up to the first weight: nothing is written, locked or loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vn.card import read_card
from vn.environment import hub_is_offline
from vn.errors import InputError
from vn.hub import local_folder
from vn.llm.base import is_on_this_machine
from vn.train.arguments import expand
from vn.train.narrator_cli import NarratorCLI
from vn.train.place import TRAINING, Place
from vn.train.preflight import check_before
from vn.train.splits import Splits


def dry_run(command: str, argv: list[str]) -> tuple[list[str], list[str]]:
    """Check everything that can fail before a weight is read.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        argv: its arguments.

    Returns:
        What the command would refuse, and notes on what cannot be known here.
    """
    try:
        done = _DryRun(command, expand(argv))
    except InputError as error:
        return [str(error)], []
    return done.problems, done.notes


class _DryRun(NarratorCLI):
    """Parses, and builds model and data, but no trainer."""

    def _set_seed(self) -> None:
        """Leave this process's random state alone."""

    def before_instantiate_classes(self) -> None:
        """Only name the run, and compare it with the one in its folder."""
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.place = Place(self.command, self.settings)
        if self.command in TRAINING:
            self._attempt(lambda: self.place.refuse_other(self._dump))

    def instantiate_classes(self) -> None:
        """Build what needs no device, and check it."""
        self._attempt(self._check_base)
        self._attempt(self._check_data)

    def after_instantiate_classes(self) -> None:
        """Load and write nothing."""

    def _attempt(self, check: Callable[[], None]) -> None:
        try:
            check()
        except InputError as error:
            self.problems.append(str(error))

    @property
    def _adapter(self) -> Path:
        return local_folder(self.settings.adapter or self.folder / "adapter", cached_only=True)

    def _check_data(self) -> None:
        built: Any = self.parser.instantiate_classes(self.config)
        data = Splits(built.data.open(), built.data.limit, built.data.evaluate_on)
        check_before(self.command, data, built.data.frames, built.model, self._adapter, built.test.decoding.drafts)

    def _check_base(self) -> None:
        """Raise if the base model is not on this machine; if only the hub may have it, add a note."""
        training = self.command in TRAINING
        base = self.settings.model.base_model if training else read_card(self._adapter).base_model
        if is_on_this_machine(base):
            return
        message = f"no such model folder, and no model of this name was downloaded from the hub: {base}"
        if hub_is_offline() or Path(base).parent.is_dir():
            raise InputError(message, field="model.base_model")
        self.notes.append(f"model.base_model: {message}; it would be downloaded, if the hub has it")
