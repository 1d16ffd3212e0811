"""NarratorCLI: LightningCLI with a run folder, and with settings that are dataclasses."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import yaml
from jsonargparse import ArgumentError, Namespace, get_loader, set_loader
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger

from vn.card import read_card
from vn.environment import process_rank, wandb_variables
from vn.errors import InputError
from vn.hub import local_folder
from vn.io.atomic import write_text
from vn.io.files import read_yaml
from vn.io.lock import claim
from vn.io.urls import recorded
from vn.llm.dtypes import resolved
from vn.renamed import with_current_names
from vn.run_folder.sigterm import Sigterm
from vn.run_paths import with_relative_paths
from vn.train.arguments import check, explain, file_of, read_configs
from vn.train.checkpoint_io import wandb_run_id
from vn.train.checkpoints import LAST
from vn.train.datamodule import StoryDataModule
from vn.train.loggers import JsonlLogger
from vn.train.module import NarratorModule
from vn.train.named_here import check_named_here
from vn.train.options import add_run_options
from vn.train.preflight import check_before
from vn.train.same_run import refuse_other
from vn.train.settings import DataSettings, EvaluationSettings, ModelSettings
from vn.train.strategy import register
from vn.train.trainer import DEFAULTS, as_list, build_trainer, run_callbacks
from vn.train.wandb_logging import seen_by_sweep, wandb_logger

CONFIG = "config.yaml"
PARSER = "vn"  # jsonargparse's name for the YAML loader below
DESCRIPTIONS = {
    "fit": "Train a narrator: vn fit --config experiments/demo.yaml",
    "validate": "Compute the loss of a trained narrator on the val split: vn validate --run runs/demo",
    "test": "Narrate the test split and score it: vn test --run runs/demo",
    "predict": "Narrate the test split without scoring it: vn predict --run runs/demo --out predictions",
    "run": "Fit, then test: vn run --config experiments/demo.yaml --ablation no_memory",
}


class Finished(Exception):
    """The run folder contains a finished run with the same configuration."""


class NarratorCLI(LightningCLI):
    """Parses and builds one command, with its callbacks and loggers.

    Callbacks and loggers that every run needs are attached in code: overlaid YAML lists would drop them.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        args: its arguments.
        stack: holds what is released when the command ends (default: when this object is deleted).
        sigterm: whether the process has been asked to end.
    """

    def __init__(
        self, command: str, args: list[str], stack: ExitStack | None = None, sigterm: Sigterm | None = None
    ) -> None:
        set_loader(PARSER, _load, (yaml.YAMLError,))
        self.command = command
        self.stack = stack or ExitStack()
        self.sigterm = sigterm or Sigterm()
        register()
        super().__init__(
            NarratorModule,
            StoryDataModule,
            trainer_defaults=DEFAULTS,
            save_config_callback=None,
            seed_everything_default=0,
            parser_kwargs={
                "prog": f"vn {command}",
                "description": DESCRIPTIONS[command],
                "exit_on_error": False,
                "parser_mode": PARSER,
            },
            auto_configure_optimizers=False,
            args=args,
            run=False,
        )

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add trainer, model and data; the last two are dataclasses, whose fields are the keys and the help."""
        parser.add_lightning_class_args(self.trainer_class, "trainer")
        parser.set_defaults({f"trainer.{key}": value for key, value in self.trainer_defaults.items()})
        parser.add_class_arguments(ModelSettings, "model", fail_untyped=False, sub_configs=True)
        parser.add_class_arguments(DataSettings, "data", fail_untyped=False, sub_configs=True)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options of the run folder and of the test."""
        add_run_options(parser)
        parser.add_class_arguments(EvaluationSettings, "test")
        parser.link_arguments("seed_everything", "data.seed")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse; errors become an `InputError`."""
        configs = read_configs(args)
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            raise explain(error, [action.dest for action in parser._actions], configs) from None
        _check(self.config, parser, args, configs)

    @property
    def settings(self) -> Namespace:
        """The parsed configuration."""
        settings: Namespace = self.config
        return settings

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.settings.runs, self.settings.name)

    @property
    def output(self) -> Path:
        """The folder that the command writes to."""
        if self.command in ("fit", "run"):
            return self.folder
        if self.settings.out:
            return Path(self.settings.out)
        point = wandb_variables().point
        return Path(self.settings.runs) / point if point else self.folder

    def before_instantiate_classes(self) -> None:
        """Name the run, lock its folder, and refuse a folder with another run.

        Raises:
            Finished: there is nothing left to do.
        """
        self.settings.name = self.settings.name or run_name(self.settings)
        if process_rank() == 0:  # the other ranks belong to the same run
            self.stack.enter_context(claim(self.output, f"vn {self.command}"))
        if self.command in ("fit", "run"):
            self._compare_config()
            trained = (self.folder / "adapter").exists()
            if trained and (self.command == "fit" or (self.folder / "scores.json").exists()):
                raise Finished(self.folder)

    def _compare_config(self) -> None:
        """Compare the configuration with that of the run in the folder, if there is one."""
        file = self.folder / CONFIG
        # A run that failed before its first step has left nothing that needs protection.
        if file.exists() and any((self.folder / name).exists() for name in ("metrics.jsonl", "checkpoints", "adapter")):
            refuse_other(file, read_yaml(file), yaml.safe_load(self._dump()))
            if self.settings.resume == "never":
                raise InputError("the run folder exists; give another --name, or --resume auto", file=self.folder)

    def _dump(self) -> str:
        return str(self.parser.dump(self.settings, skip_none=False))

    def instantiate_classes(self) -> None:
        """Build data, model and trainer."""
        self.config_init = self.parser.instantiate_classes(self.config)
        self.datamodule = StoryDataModule(self.config_init.data)
        self.model = NarratorModule(self.config_init.model)
        self.trainer = self.instantiate_trainer()

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """The trainer with its loggers and callbacks."""
        config = {**self.config_init.trainer, **kwargs}
        jsonl, asked = JsonlLogger(self.output), config.get("logger")
        # The user's own loggers, else W&B; no logger for `false`.
        others = as_list(asked) or ([] if asked is False else self._wandb(jsonl))
        config["logger"] = [jsonl, *seen_by_sweep(others, self.output)]
        config["default_root_dir"] = str(self.folder)
        own = run_callbacks(self.folder, self.settings, self.sigterm, self.command in ("fit", "run"))
        config["callbacks"] = as_list(config.get("callbacks")) + own
        return build_trainer(config, fresh_optimizer=self.settings.resume == "weights")

    def _wandb(self, jsonl: JsonlLogger) -> list[Logger]:
        """W&B's logger, offline unless the user is logged in; a test has one only if W&B has named its run."""
        training = self.command in ("fit", "run")
        if not training and wandb_variables().run_id is None:
            return []
        run_id = wandb_run_id(self.folder / "checkpoints" / LAST) if training else None
        config = yaml.safe_load(self._dump()) if process_rank() == 0 else None
        return [wandb_logger(jsonl, self.settings.name, config, run_id)]

    def test_dtype(self, adapter: Path) -> str | None:
        """The data type that a test loads an adapter's language model in; None is the adapter's own."""
        if self.command not in ("test", "predict", "run"):
            return None
        device, card = self.trainer.strategy.root_device, read_card(adapter)
        return resolved(self.config_init.test.dtype, device, card.quantization)

    def after_instantiate_classes(self) -> None:
        """Set where the module writes, check what can be checked without weights, and load the adapter to test."""
        model: NarratorModule = self.model
        model.evaluation = self.config_init.test
        model.output = self.output
        adapter = local_folder(self.settings.adapter or self.folder / "adapter")
        check_before(self.command, self.datamodule, model, adapter)
        if self.command in ("fit", "run"):
            if process_rank() == 0 and not (self.folder / "adapter").exists():
                write_text(self.folder / CONFIG, with_relative_paths(self._dump(), self.folder))
        else:
            model.load_adapter(adapter, self.test_dtype(adapter))
            if process_rank() == 0 and not self.settings.out and _is_a_run(self.settings, self.output):
                write_text(self.output / CONFIG, with_relative_paths(self._dump(), self.output))


def _check(
    config: Namespace, parser: LightningArgumentParser, args: list[str], configs: dict[Path, dict[str, Any]]
) -> None:
    """Take the secrets off a URL, which is recorded with the configuration from now on, and check the settings."""
    if isinstance(config.data.folder, str):
        config.data.folder = recorded(config.data.folder)
    settings = vars(config.as_flat())
    check_named_here(settings, args, partial(file_of, configs=configs))
    check(settings, vars(parser.get_defaults(skip_validation=True).as_flat()), configs)


def _is_a_run(settings: Namespace, folder: Path) -> bool:
    """Whether a test writes a run folder of its own: a sweep's point, or a baseline that was not trained here."""
    untrained = settings.baseline is not None and not (folder / CONFIG).exists()
    return bool(wandb_variables().point) or untrained


def run_name(settings: Namespace) -> str:
    """The default name of a run: its experiment's, with its ablation."""
    if point := wandb_variables().point:
        return point
    files = [Path(str(file)) for file in settings.config or []]
    stem = next((file.stem for file in files if file.parent.name != "ablations"), "run")
    variant = [] if settings.ablation == "full" else [settings.ablation]
    return "-".join([stem, *variant, *([] if settings.debug == "off" else [settings.debug])])


def _load(text: str) -> Any:
    """YAML, with the settings' current names."""
    return with_current_names(get_loader("yaml")(text))
