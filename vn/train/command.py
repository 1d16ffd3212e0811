"""``vn fit | validate | test | predict | run``: LightningCLI with a run folder."""

from __future__ import annotations

import json
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import lightning as L
import yaml
from jsonargparse import ArgumentError, Namespace, get_loader, set_loader
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from vn.environment import process_rank, wandb_variables
from vn.errors import InputError
from vn.io.atomic import write_text
from vn.io.files import read_yaml
from vn.io.lock import claim
from vn.renamed import with_current_names
from vn.run_paths import with_relative_paths
from vn.score.command import print_table, score_folder
from vn.train.arguments import ABLATIONS, DEBUG, check, expand, explain, read_configs
from vn.train.callbacks import AfterTest, StepSeed
from vn.train.checkpoint_io import check_epochs, check_fits, check_readable, find, use_our_checkpoints, wandb_run_id
from vn.train.checkpoints import LAST, checkpoint_callbacks
from vn.train.datamodule import StoryDataModule
from vn.train.log_filter import filtered_logs
from vn.train.loggers import JsonlLogger
from vn.train.module import EvaluationSettings, NarratorModule
from vn.train.monitor import StepMonitor, ValidationMonitor
from vn.train.preflight import check_before
from vn.train.same_run import refuse_other
from vn.train.sigterm import EXIT, Preempted, Sigterm
from vn.train.story_table import StoryTable
from vn.train.strategy import register
from vn.train.wandb_logging import finish_wandb, note_end, seen_by_sweep, wandb_logger

CONFIG = "config.yaml"
PARSER = "vn"  # jsonargparse's name for the way of reading YAML below
DESCRIPTIONS = {
    "fit": "Train a narrator: vn fit --config experiments/demo.yaml",
    "validate": "The loss of a trained narrator on the val split: vn validate --run runs/demo",
    "test": "Narrate the test split and score it: vn test --run runs/demo",
    "predict": "Narrate the test split without scoring it: vn predict --run runs/demo --out predictions",
    "run": "Fit, then test: vn run --config experiments/demo.yaml --ablation no_memory",
}


class Finished(Exception):
    """The run folder holds a finished run of this very configuration."""


class NarratorCLI(LightningCLI):
    """Parses and builds one command, with its callbacks and loggers.

    Those that every run needs are attached in code: overlaid YAML lists would drop them.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        args: its arguments.
        stack: takes what is given back when the command ends (default: when this object does).
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
            trainer_defaults={
                "reload_dataloaders_every_n_epochs": 1,
                "use_distributed_sampler": False,
                "gradient_clip_val": 1.0,
                "enable_model_summary": False,
                "log_every_n_steps": 10,
            },
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

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """The run folder and the test, besides model, data and trainer."""
        parser.add_argument(
            "--name", type=str | None, default=None, help="run folder's name (default: from the config)"
        )
        parser.add_argument("--runs", type=str, default="runs", help="where run folders lie")
        parser.add_argument("--ablation", type=Literal[ABLATIONS], default="full", help="overlay ablations/NAME.yaml")
        parser.add_argument(
            "--debug",
            type=Literal[("off", *DEBUG)],
            default="off",
            help="fast: a few steps of everything; overfit: learn four videos by heart, and test on them",
        )
        parser.add_argument(
            "--resume",
            type=Literal["auto", "weights", "never"],
            default="auto",
            help="go on in an existing run folder, exactly or from its weights with a fresh optimizer, or refuse",
        )
        parser.add_argument(
            "--keep",
            type=Literal["best", "last"],
            default="last",
            help="which weights the adapter has: lowest val/loss, or the final ones",
        )
        parser.add_argument("--checkpoint_every", type=int, default=200, help="optimizer steps between checkpoints")
        parser.add_argument(
            "--adapter", type=str | None, default=None, help="adapter folder to test (default: the run's)"
        )
        parser.add_argument(
            "--out", type=str | None, default=None, help="where a test writes (default: the run folder)"
        )
        parser.add_class_arguments(EvaluationSettings, "test")
        parser.link_arguments("seed_everything", "data.seed")

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse; what is wrong becomes an `InputError`."""
        configs = read_configs(args)
        try:
            super().parse_arguments(parser, args)
        except ArgumentError as error:
            raise explain(error, [action.dest for action in parser._actions], configs) from None
        check(vars(self.config.as_flat()), vars(parser.get_defaults(skip_validation=True).as_flat()), configs)

    @property
    def settings(self) -> Namespace:
        """The parsed configuration."""
        return self.config

    @property
    def folder(self) -> Path:
        """The run folder."""
        return Path(self.settings.runs) / self.settings.name

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
        """Name the run, keep other processes out of its folder, and refuse one that holds another run.

        Raises:
            Finished: nothing is left to do.
        """
        self._name_run()
        if process_rank() == 0:  # the other ranks are of the same run
            self.stack.enter_context(claim(self.output, f"vn {self.command}"))
        if self.command in ("fit", "run"):
            self._compare_config()
            trained = (self.folder / "adapter").exists()
            if trained and (self.command == "fit" or (self.folder / "scores.json").exists()):
                raise Finished(self.folder)

    def _name_run(self) -> None:
        settings = self.settings
        if settings.name is None:
            settings.name = wandb_variables().point
            if settings.name is None:
                files = [Path(str(f)) for f in settings.config or []]
                stem = next((f.stem for f in files if f.parent.name != "ablations"), "run")
                variant = [] if settings.ablation == "full" else [settings.ablation]
                settings.name = "-".join([stem, *variant, *([] if settings.debug == "off" else [settings.debug])])

    def _compare_config(self) -> None:
        """Compare the configuration with that of the run that the folder holds, if it holds one."""
        file = self.folder / CONFIG
        # A run that failed before its first step has left nothing that its configuration should protect.
        if file.exists() and any((self.folder / name).exists() for name in ("metrics.jsonl", "checkpoints", "adapter")):
            refuse_other(file, read_yaml(file), yaml.safe_load(self._dump()))
            if self.settings.resume == "never":
                raise InputError("the run folder exists; give another --name, or --resume auto", file=self.folder)

    def _dump(self) -> str:
        return self.parser.dump(self.settings, skip_none=False)

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """The trainer with its loggers and callbacks."""
        s = self.settings
        extra = [
            AfterTest(score_folder),
            StepSeed(int(s.seed_everything or 0)),
            ValidationMonitor(),
        ]
        if self.command in ("fit", "run"):
            places = (self.folder / "checkpoints", self.folder / "adapter")
            extra.append(StepMonitor(s.data.bad_samples))
            extra += checkpoint_callbacks(*places, s.checkpoint_every, s.keep, self.sigterm)
        extra.append(StoryTable(self.folder / "adapter"))
        config = {**self.config_init.trainer, **kwargs}
        jsonl = JsonlLogger(self.output)
        config["logger"] = [jsonl, *seen_by_sweep(self._loggers(config.get("logger"), jsonl), self.output)]
        config["default_root_dir"] = str(self.folder)
        config["callbacks"] = [*(config.get("callbacks") or []), *extra]
        try:
            trainer = L.Trainer(**config)
        except InputError:
            raise
        except (TypeError, ValueError, MisconfigurationException) as error:  # of values that only Lightning judges
            raise InputError(str(error), field="trainer") from None
        use_our_checkpoints(trainer, fresh_optimizer=s.resume == "weights")
        trainer._signal_connector.register_signal_handlers = _no_handlers  # type: ignore[method-assign]
        return trainer

    def _loggers(self, asked: Any, jsonl: JsonlLogger) -> list[Logger]:
        """The user's own loggers; else W&B, offline unless the user is logged in; none for ``false``."""
        if asked is False:
            return []
        if isinstance(asked, Logger):
            return [asked]
        if isinstance(asked, list) and asked:
            return asked
        if self.command not in ("fit", "run") and wandb_variables().run_id is None:
            return []
        training = self.command in ("fit", "run")
        run_id = wandb_run_id(self.folder / "checkpoints" / LAST) if training else None
        config = yaml.safe_load(self._dump()) if process_rank() == 0 else None
        return [wandb_logger(jsonl, self.settings.name, config, run_id)]

    def after_instantiate_classes(self) -> None:
        """Tell the module where to write, check what can be checked without a weight, and load what is tested."""
        model: NarratorModule = self.model
        model.evaluation = self.config_init.test
        model.output = self.output
        adapter = Path(self.settings.adapter or self.folder / "adapter")
        check_before(self.command, self.datamodule, model, adapter)
        if self.command in ("fit", "run"):
            if process_rank() == 0 and not (self.folder / "adapter").exists():
                write_text(self.folder / CONFIG, with_relative_paths(self._dump(), self.folder))
        else:
            model.load_adapter(adapter)
            if process_rank() == 0 and wandb_variables().point and not self.settings.out:
                write_text(self.output / CONFIG, with_relative_paths(self._dump(), self.output))  # a point's own folder


def _load(text: str) -> Any:
    """YAML, with the settings' names of now."""
    return with_current_names(get_loader("yaml")(text))


def _no_handlers() -> None:
    """Instead of Lightning's signal handlers: `vn.train.sigterm` says why."""


def main(command: str, argv: list[str]) -> int:
    """Run one of the commands; bad configuration is an `InputError`."""
    with filtered_logs(), ExitStack() as stack:
        sigterm = Sigterm()
        stack.enter_context(sigterm.heard())
        try:
            cli = NarratorCLI(command, expand(argv), stack, sigterm)
        except Finished as done:
            print(f"{done} is finished; `vn test --run {done}` tests it again, another --name trains anew")
            note_end(0, done.args[0])
            return 0
        except InputError:
            note_end(2)
            raise
        on_interrupt = signal.getsignal(signal.SIGINT)
        try:
            _work(command, cli)
        except Preempted:
            return _exit_code(_preempted(command, cli), cli)
        except BaseException as error:
            finish_wandb(cli.trainer.loggers, exit_code=1)
            if isinstance(error, SystemExit) and cli.trainer.interrupted:
                if error.code == 1:
                    raise KeyboardInterrupt from None  # Lightning makes an exit of code 1 of it
                return _exit_code(int(error.code or 0), cli)  # the first process says why
            raise
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, on_interrupt)  # Lightning leaves it ignored
        finish_wandb(cli.trainer.loggers, exit_code=int(cli.trainer.interrupted))
        if cli.trainer.interrupted:
            return 130
        if cli.trainer.is_global_zero:
            _report(command, cli)
    return 0


def _exit_code(code: int, cli: NarratorCLI) -> int:
    """Processes that Lightning's own launcher starts leave the verdict to the first one, which it kills otherwise."""
    strategy = cli.trainer.strategy
    launched = isinstance(getattr(strategy, "cluster_environment", None), LightningEnvironment)
    return 0 if launched and strategy.local_rank else code  # type: ignore[attr-defined]


def _preempted(command: str, cli: NarratorCLI) -> int:
    """End as SIGTERM asked."""
    finish_wandb(cli.trainer.loggers, EXIT, preempted=True)
    if cli.trainer.is_global_zero:
        print(f"vn {command}: stopped by SIGTERM; the same command goes on", file=sys.stderr)
    return EXIT


def _work(command: str, cli: NarratorCLI) -> None:
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    adapter = cli.folder / "adapter"
    if command in ("fit", "run") and not adapter.exists():
        trainer.fit(model, datamodule=data, ckpt_path=_checkpoint(cli), weights_only=True)
    if command == "validate":
        trainer.validate(model, datamodule=data)
    elif command == "predict":
        trainer.predict(model, datamodule=data, return_predictions=False)
    elif command == "test":
        trainer.test(model, datamodule=data, verbose=False)
    elif command == "run" and not trainer.interrupted:
        model.load_adapter(adapter)  # what is tested is what was saved
        trainer.test(model, datamodule=data, verbose=False)


def _checkpoint(cli: NarratorCLI) -> str | None:
    """The checkpoint to resume from, once it is sure that it can be read and belongs to this way of training."""
    file = cli.folder / "checkpoints" / LAST
    found = find(file)
    if found is None:
        return None
    check_readable(found)
    check_epochs(found, cli.trainer.max_epochs)
    if cli.settings.resume == "weights":
        cli.model.start_from = found
    else:
        trainer = cli.trainer
        check_fits(found, getattr(trainer.strategy, "stage", None), trainer.num_nodes * trainer.num_devices)
    return str(found)


def _report(command: str, cli: NarratorCLI) -> None:
    scores = cli.model.output / "scores.json"
    if command in ("test", "run") and scores.exists():
        print_table(json.loads(scores.read_text(encoding="utf-8")))
    print(f"vn {command}: done; everything lies in {cli.model.output}", file=sys.stderr)
