"""Options as values by name, from a YAML file or a story's record, read as the command line would read them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from vn.baselines.names import BASELINES
from vn.errors import InputError, did_you_mean, show
from vn.io.files import read_yaml
from vn.shipped import find

COMMON = "common"
CONFIG = "--config"
Add = Callable[[argparse.ArgumentParser], None]


def set_from_files(parser: argparse.ArgumentParser, files: Sequence[str], name: str, add: Add) -> None:
    """Make the options of files the defaults of a parser, so that the command line's own take precedence.

    A file has options by baseline, and those of all under ``common``; later files take precedence.

    Args:
        parser: the parser, with its options.
        files: the YAML files; a path such as ``experiments/baselines/demo.yaml`` may be that of a shipped one.
        name: the baseline.
        add: adds the options to a parser.

    Raises:
        InputError: a file has something else, or an option is unknown or has a wrong value; names file and option.
    """
    for file in files:
        data = read_yaml(find("experiments", file))
        if not isinstance(data, dict):
            raise InputError(f"expected options by baseline, got {show(data)}", file=file)
        for key in data:
            if key != COMMON and key not in BASELINES:
                hint = did_you_mean(str(key), (COMMON, *BASELINES))
                raise InputError(f"is neither {COMMON} nor a baseline{hint}", file=file, field=str(key))
        for part in (COMMON, name):
            values = data.get(part) or {}
            if not isinstance(values, dict):
                raise InputError(f"expected options by name, got {show(values)}", file=file, field=part)
            parser.set_defaults(**read_options(values, add, file=file, field=part))


def read_options(
    values: Mapping[Any, Any],
    add: Add,
    *,
    file: str | Path,
    field: str,
) -> dict[str, Any]:
    """Options as the command line would read them.

    Args:
        values: option without its dashes -> a text, number or list; true for a flag.
        add: adds the options to a parser.
        file: named in errors.
        field: where the values are in it.

    Returns:
        Destination -> value, of the given options.
    """
    reader = RaisingParser(file, field)
    add(reader)
    spelled = [(_option(reader, key), value) for key, value in values.items()]
    words = [word for (flag, action), value in spelled for word in _spelled(reader, flag, action, value)]
    read = reader.parse_args(words)
    return {action.dest: getattr(read, action.dest) for (_, action), _ in spelled}


def given_options(args: argparse.Namespace, add: Add) -> dict[str, Any]:
    """The options of a call that differ from their defaults, as values that `read_options` reads.

    Args:
        args: the parsed arguments.
        add: adds the options to a parser.
    """
    from vn.io.urls import recorded

    reader = RaisingParser()
    add(reader)
    found: dict[str, Any] = {}
    for action in reader._actions:
        value = getattr(args, action.dest, action.default)
        if action.option_strings and value != action.default:
            name = action.option_strings[-1].lstrip("-")
            texts = [_text(each, recorded) for each in value] if isinstance(value, list) else _text(value, recorded)
            found[name] = texts
    return found


def _text(value: Any, recorded: Callable[[str], str]) -> Any:
    if isinstance(value, Path):
        return str(value.absolute())
    return recorded(value) if isinstance(value, str) else value if isinstance(value, bool | int | float) else str(value)


class RaisingParser(argparse.ArgumentParser):
    """A parser that raises what is wrong instead of ending the process.

    Args:
        file: named in errors.
        place: field of the file that has the options.
    """

    def __init__(self, file: str | Path | None = None, place: str | None = None) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.file = file
        self.place = place

    def error(self, message: str) -> NoReturn:
        """Raise an `InputError`."""
        raise InputError(message, file=self.file, field=self.place)


def _option(reader: RaisingParser, key: Any) -> tuple[str, argparse.Action]:
    """The option with a name, written with ``-`` or ``_``."""
    options = {option: action for action in reader._actions for option in action.option_strings if option != CONFIG}
    flag = next((f for f in (f"--{key}", f"--{str(key).replace('_', '-')}") if f in options), None)
    if flag is None:
        hint = did_you_mean(str(key), [option.lstrip("-") for option in options])
        raise InputError(f"is not an option{hint}", file=reader.file, field=f"{reader.place}.{key}")
    return flag, options[flag]


def _spelled(reader: RaisingParser, flag: str, action: argparse.Action, value: Any) -> Iterator[str]:
    """An option and its value as words of a command line."""
    if isinstance(value, dict) or (isinstance(value, bool) and action.nargs != 0):
        raise InputError(f"expected a value, got {show(value)}", file=reader.file, field=f"{reader.place}.{flag[2:]}")
    if value is None:
        return
    if isinstance(value, bool):
        off = f"--no-{flag[2:]}"
        if value or off in action.option_strings:
            yield flag if value else off
    elif not isinstance(value, list):
        yield f"{flag}={value}"
    elif action.nargs is None:
        if not isinstance(action, argparse._AppendAction):
            raise InputError(
                f"expected one value, got {show(value)}", file=reader.file, field=f"{reader.place}.{flag[2:]}"
            )
        yield from (f"{flag}={each}" for each in value)
    else:
        yield from (flag, *map(str, value))
