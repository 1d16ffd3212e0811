"""Refuses a command's bad settings before Lightning and torch are imported, in the sentence that it gets otherwise.

The command line is parsed with jsonargparse as always, into classes rebuilt from their kept signatures (`vn.train
.schema`). What they accept is parsed again with the real ones, so that nothing is refused that those would take; what
they refuse is believed unless Lightning's own classes have a say in it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Union

from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser, Namespace, set_parsing_settings

from vn.environment import process_rank
from vn.hub import on_hub
from vn.io.code_cache import CodeCache
from vn.io.lock import claim
from vn.io.remote import open_folder
from vn.io.urls import is_url
from vn.llm.loaders import check_there
from vn.train.arguments import explain, read_configs
from vn.train.parser import SEED, add_run_and_test, add_settings, checked, options_of
from vn.train.place import TRAINING, Place
from vn.train.preflight import check_before
from vn.train.schema import described, open_keys, rebuilt
from vn.train.splits import Splits

PACKAGES = ("vn", "lightning", "lightning_utilities", "jsonargparse", "docstring_parser", "typeshed_client")
FILE = "signatures.json"
_FLAG = re.compile(r"--([\w.]+?)(\+?)(=|$)")
_A_NAME = re.compile(r"[a-z0-9_.-]*")  # a registered strategy or accelerator, never a class
_SAYS = re.compile(r'Parser key "([^"]+)"')


def remember(parser: ArgumentParser, classes: Sequence[type], code: CodeCache) -> None:
    """Keep the signatures of a parser's classes for the next process.

    Args:
        parser: the real parser.
        classes: those of the trainer and of the settings ``model``, ``data`` and ``test``.
        code: where they are kept.
    """
    if code.get(FILE) is None:
        try:
            signatures = {"classes": [described(each) for each in classes], "actions": _actions(parser)}
        except (ValueError, TypeError):  # another version of Lightning: refusals take their time
            return
        code.put(FILE, json.dumps(signatures))


def refuse_early(command: str, args: list[str], code: CodeCache) -> None:
    """Raise what is surely wrong with a command; return if nothing is, or nothing is known.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        args: its arguments, expanded.
        code: keeps the signatures.

    Raises:
        InputError: a setting, the run folder or the data are wrong.
        Finished: there is nothing left to do.
    """
    kept = code.get(FILE)
    if kept is None or process_rank() != 0:
        return
    known = Known(command, json.loads(kept))
    if known.sound:
        settings = known.parse(args)
        if settings is not None:
            _check_folders(command, known.parser, settings)


class Known:
    """The parser of a command as far as it is known without Lightning.

    Args:
        command: ``fit``, ``validate``, ``test``, ``predict`` or ``run``.
        signatures: what `remember` kept.

    Attributes:
        sound: whether the parser has the actions of the real one.
    """

    def __init__(self, command: str, signatures: Mapping[str, Any]) -> None:
        self.open: set[str] = set()
        for name, described_ in zip(("trainer", "model", "data", "test"), signatures["classes"], strict=True):
            self.open |= open_keys(described_, name)
        trainer, model, data, test = map(rebuilt, signatures["classes"])
        set_parsing_settings(config_read_mode_fsspec_enabled=True)  # as Lightning does
        parser = ArgumentParser(**options_of(command), env_prefix="PL", default_env=False)
        parser.add_argument("-c", "--config", action=ActionConfigFile)
        parser.add_argument("--seed_everything", type=Union[bool, int], default=SEED)  # noqa: UP007 (as Lightning writes it)
        parser.add_class_arguments(trainer, "trainer", fail_untyped=False, instantiate=False, sub_configs=True)
        add_settings(parser, model, data)
        add_run_and_test(parser, test)
        self.parser = parser
        self.sound = _actions(parser) == signatures["actions"]

    def parse(self, args: list[str]) -> Namespace | None:
        """Parse a command line.

        Returns:
            The settings; None if Lightning has a say in them, or if the command line asks for something else, such as
            ``--print_config``.

        Raises:
            InputError: a setting is unknown, of the wrong type, out of its bounds, or not named by this call.
        """
        configs = read_configs(args)
        if self._is_open(args, configs):
            return None
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                config = self.parser.parse_args(args)
        except ArgumentError as error:
            if any(key in self.open for key in _SAYS.findall(str(error))):
                return None
            raise explain(error, [action.dest for action in self.parser._actions], configs) from None
        except (Exception, SystemExit):  # a page was asked for, or what only the real parser knows
            return None
        return checked(config, self.parser, args, configs)

    def _is_open(self, args: Sequence[str], configs: Mapping[Path, Mapping[str, Any]]) -> bool:
        """Whether an open key has more than a plain value, or a file of its own that was not looked at."""
        groups = {key.rpartition(".")[0] for key in self.open}
        for number, arg in enumerate(args):
            if (match := _FLAG.match(arg)) is None:
                continue
            key, more, equals = match.groups()
            value = arg[match.end() :] if equals else "".join(args[number + 1 : number + 2])
            close = {each for each in self.open if key.startswith(each) or each.startswith(key)}  # or abbreviated
            if key in groups or (close and (more or key not in close or not _A_NAME.fullmatch(value))):
                return True
        return any(
            any(isinstance(_value(config, group), str) for group in groups)
            or not all(_is_plain(_value(config, key)) for key in self.open)
            for config in configs.values()
        )


def _value(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name) if isinstance(config, dict) else None
    return config


def _is_plain(value: Any) -> bool:
    return (
        value is None
        or isinstance(value, bool | int | float)
        or (isinstance(value, str) and bool(_A_NAME.fullmatch(value)))
    )


def _actions(parser: ArgumentParser) -> list[list[Any]]:
    """Names, flags and defaults of a parser's actions, and what they are: two parsers with the same read alike."""
    return [[each.dest, list(each.option_strings), repr(each.default), type(each).__name__] for each in parser._actions]


def _check_folders(command: str, parser: ArgumentParser, settings: Namespace) -> None:
    """Check the run folder and the data, as the command does once its settings are known."""
    place = Place(command, settings)
    with ExitStack() as stack:
        stack.enter_context(claim(place.output, f"vn {command}"))
        if command in TRAINING:
            place.refuse_other(lambda: str(parser.dump(settings, skip_none=False)))
            place.refuse_finished()
        data, model = settings.data, settings.model
        adapter = settings.adapter or place.folder / "adapter"
        far = is_url(data.folder) or on_hub(adapter) or on_hub(model.start_from)
        if far or data.frames != "own" or (data.videos_at_once != "auto" and data.videos_at_once < 1):
            return
        folder = open_folder(data.folder, cache_folder=data.cache, cache_gb=data.cache_gb)
        drafts = settings.test.decoding.drafts
        check_before(command, Splits(folder, data.limit, data.evaluate_on), data.frames, model, Path(adapter), drafts)
        if command in TRAINING and not Path(adapter).exists():
            check_there(model.base_model)
