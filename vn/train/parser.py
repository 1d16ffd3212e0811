"""The parser of the Lightning commands: which settings it has, in which order, and how it reads files.

`vn.train.narrator_cli` builds it of the real classes, `vn.train.early` of rebuilt ones.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace, get_loader, set_loader

from vn.io.urls import recorded
from vn.renamed import with_current_names
from vn.train.arguments import check, file_of
from vn.train.named_here import check_named_here
from vn.train.options import add_run_options

PARSER = "vn"  # jsonargparse's name for the YAML loader below
DESCRIPTIONS = {
    "fit": "Train a narrator: vn fit --config experiments/demo.yaml",
    "validate": "Compute the loss of a trained narrator on the val split: vn validate --run runs/demo",
    "test": "Narrate the test split and score it: vn test --run runs/demo",
    "predict": "Narrate the test split without scoring it: vn predict --run runs/demo --out predictions",
    "run": "Fit, then test: vn run --config experiments/demo.yaml --ablation no_memory",
}
TRAINER_DEFAULTS: dict[str, Any] = {
    "reload_dataloaders_every_n_epochs": 1,
    "use_distributed_sampler": False,
    "gradient_clip_val": 1.0,
    "enable_model_summary": False,
    "log_every_n_steps": 10,
}
SEED = 0  # for a run that gives none


def options_of(command: str) -> dict[str, Any]:
    """The options of a command's parser."""
    set_loader(PARSER, _load, (yaml.YAMLError,))
    about = {"prog": f"vn {command}", "description": DESCRIPTIONS[command]}
    return {**about, "exit_on_error": False, "parser_mode": PARSER}


def add_settings(parser: ArgumentParser, model: type, data: type) -> None:
    """Add what comes after the trainer: dataclasses, whose fields are the keys and the help."""
    parser.set_defaults({f"trainer.{key}": value for key, value in TRAINER_DEFAULTS.items()})
    parser.add_class_arguments(model, "model", fail_untyped=False, sub_configs=True)
    parser.add_class_arguments(data, "data", fail_untyped=False, sub_configs=True)


def add_run_and_test(parser: ArgumentParser, evaluation: type) -> None:
    """Add the options of the run folder and of the test."""
    add_run_options(parser)
    parser.add_class_arguments(evaluation, "test")
    parser.link_arguments("seed_everything", "data.seed")


def checked(
    config: Namespace, parser: ArgumentParser, args: list[str], configs: dict[Path, dict[str, Any]]
) -> Namespace:
    """Take the secrets off a URL, which is recorded with the configuration from now on, and check the settings.

    Args:
        config: what was parsed.
        parser: the parser.
        args: the command line, expanded.
        configs: the files that `vn.train.arguments.read_configs` returned.

    Raises:
        InputError: a value is out of its bounds, or only the command line may name it.
    """
    if isinstance(config.data.folder, str):
        config.data.folder = recorded(config.data.folder)
    settings = vars(config.as_flat())
    check_named_here(settings, args, partial(file_of, configs=configs))
    check(settings, vars(parser.get_defaults(skip_validation=True).as_flat()), configs)
    return config


def _load(text: str) -> Any:
    """YAML, with the settings' current names."""
    return with_current_names(get_loader("yaml")(text))
