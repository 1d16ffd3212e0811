"""NarratorCLI: LightningCLI with a run folder, and with settings that are dataclasses."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import yaml
from jsonargparse import ArgumentError, Namespace
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

from vn.card import read_card
from vn.environment import process_rank, wandb_variables
from vn.hub import local_folder
from vn.io.atomic import write_text
from vn.io.code_cache import CodeCache
from vn.io.lock import claim
from vn.llm.dtypes import resolved
from vn.run_folder.sigterm import Sigterm
from vn.run_paths import with_relative_paths
from vn.train.arguments import explain, read_configs
from vn.train.checkpoint_io import wandb_run_id
from vn.train.checkpoints import LAST
from vn.train.datamodule import StoryDataModule
from vn.train.early import remember
from vn.train.loggers import JsonlLogger
from vn.train.module import NarratorModule
from vn.train.parser import SEED, TRAINER_DEFAULTS, add_run_and_test, add_settings, checked, options_of
from vn.train.place import CONFIG, TRAINING, Place
from vn.train.preflight import check_before
from vn.train.settings import DataSettings, EvaluationSettings, ModelSettings
from vn.train.strategy import register
from vn.train.tested import base_elsewhere
from vn.train.trainer import as_list, build_trainer, run_callbacks
from vn.train.wandb_logging import seen_by_sweep, wandb_logger


class NarratorCLI(LightningCLI):
    """Parses and builds one command, with its callbacks and loggers.

    Callbacks and loggers that every run needs are attached in code: overlaid YAML lists would drop them.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        args: its arguments.
        stack: holds what is released when the command ends (default: when this object is deleted).
        sigterm: whether the process has been asked to end.
        code: keeps what the next process reads to refuse bad settings early; None keeps nothing.
    """

    def __init__(
        self,
        command: str,
        args: list[str],
        stack: ExitStack | None = None,
        sigterm: Sigterm | None = None,
        code: CodeCache | None = None,
    ) -> None:
        self.code = code
        self.command = command
        self.stack = stack or ExitStack()
        self.sigterm = sigterm or Sigterm()
        register()
        super().__init__(
            NarratorModule,
            StoryDataModule,
            trainer_defaults=TRAINER_DEFAULTS,
            save_config_callback=None,
            seed_everything_default=SEED,
            parser_kwargs=options_of(command),
            auto_configure_optimizers=False,
            args=args,
            run=False,
        )

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add trainer, model and data."""
        parser.add_lightning_class_args(self.trainer_class, "trainer")
        add_settings(parser, ModelSettings, DataSettings)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options of the run folder and of the test."""
        add_run_and_test(parser, EvaluationSettings)
        if self.code is not None:
            remember(parser, (L.Trainer, ModelSettings, DataSettings, EvaluationSettings), self.code)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse; errors become an `InputError`."""
        configs = read_configs(args)
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            raise explain(error, [action.dest for action in parser._actions], configs) from None
        checked(self.config, parser, args, configs)

    @property
    def settings(self) -> Namespace:
        """The parsed configuration."""
        settings: Namespace = self.config
        return settings

    @property
    def folder(self) -> Path:
        """The run folder."""
        return self.place.folder

    @property
    def output(self) -> Path:
        """The folder that the command writes to."""
        return self.place.output

    def before_instantiate_classes(self) -> None:
        """Name the run, lock its folder, and refuse a folder with another run.

        Raises:
            Finished: there is nothing left to do.
        """
        self.place = Place(self.command, self.settings)
        if process_rank() == 0:  # the other ranks belong to the same run
            self.stack.enter_context(claim(self.output, f"vn {self.command}"))
        if self.command in TRAINING:
            self.place.refuse_other(self._dump)
            self.place.refuse_finished()

    def _dump(self) -> str:
        return str(self.parser.dump(self.settings, skip_none=False))

    def instantiate_classes(self) -> None:
        """Build data and model, check what can be checked without weights, and build the trainer."""
        self.config_init = self.parser.instantiate_classes(self.config)
        self.datamodule = StoryDataModule(self.config_init.data)
        self.model = NarratorModule(self.config_init.model)
        self.adapter = local_folder(self.settings.adapter or self.folder / "adapter")
        data = self.datamodule
        drafts = self.config_init.test.decoding.drafts
        check_before(self.command, data.splits, data.settings.frames, self.model.settings, self.adapter, drafts)
        self.trainer = self.instantiate_trainer()

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """The trainer with its loggers and callbacks."""
        config = {**self.config_init.trainer, **kwargs}
        jsonl, asked = JsonlLogger(self.output), config.get("logger")
        # The user's own loggers, else W&B; no logger for `false`.
        others = as_list(asked) or ([] if asked is False else self._wandb(jsonl))
        config["logger"] = [jsonl, *seen_by_sweep(others, self.output)]
        config["default_root_dir"] = str(self.folder)
        own = run_callbacks(self.folder, self.settings, self.sigterm, self.command in TRAINING)
        config["callbacks"] = as_list(config.get("callbacks")) + own
        return build_trainer(config, fresh_optimizer=self.settings.resume == "weights")

    def _wandb(self, jsonl: JsonlLogger) -> list[Logger]:
        """W&B's logger, offline unless the user is logged in; a test has one only if W&B has named its run."""
        training = self.command in TRAINING
        if not training and wandb_variables().run_id is None:
            return []
        run_id = wandb_run_id(self.folder / "checkpoints" / LAST) if training else None
        config = yaml.safe_load(self._dump()) if process_rank() == 0 else None
        return [wandb_logger(jsonl, self.settings.name, config, run_id)]

    def test_dtype(self, adapter: Path) -> str | None:
        """The data type that a test loads an adapter's language model in; None is the adapter's own."""
        if self.command not in ("test", "predict", "run"):
            return None
        card, moved = read_card(adapter), base_elsewhere(adapter, self.model.settings)
        card = replace(card, base_model=moved or card.base_model)
        return resolved(self.config_init.test.dtype, self.trainer.strategy.root_device, card)

    def after_instantiate_classes(self) -> None:
        """Set where the module writes, and load the adapter to test."""
        model: NarratorModule = self.model
        model.evaluation = self.config_init.test
        model.output = self.output
        if self.command in TRAINING:
            if process_rank() == 0 and not (self.folder / "adapter").exists():
                write_text(self.folder / CONFIG, with_relative_paths(self._dump(), self.folder))
        else:
            model.load_adapter(self.adapter, self.test_dtype(self.adapter))
            if process_rank() == 0 and not self.settings.out and _is_a_run(self.settings, self.output):
                write_text(self.output / CONFIG, with_relative_paths(self._dump(), self.output))


def _is_a_run(settings: Namespace, folder: Path) -> bool:
    """Whether a test writes a run folder of its own: a sweep's point, or a baseline that was not trained here."""
    untrained = settings.baseline is not None and not (folder / CONFIG).exists()
    return bool(wandb_variables().point) or untrained
