"""Text, JSON and YAML files: anything wrong with one is a one-line `InputError` that names it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from vn.errors import InputError
from vn.io.yaml_hints import json_hint, yaml_hint

MOST_VALUES = 200_000  # values in a YAML file; a few lines of aliases can expand to billions


def read_text(file: str | Path) -> str:
    """Read a UTF-8 file (with or without a byte-order mark).

    Raises:
        InputError: the file is missing, or is not UTF-8 (the message gives the byte).
    """
    try:
        return Path(file).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}; save it as UTF-8", file=file) from None
    except OSError as error:
        raise InputError(error.strerror or "cannot be read", file=file) from None


def read_json(file: str | Path) -> Any:
    """Read a JSON file; `InputError` names the line where it breaks."""
    return parse_json(read_text(file), file)


def parse_json(
    text: str, file: object, line: int | None = 1, objects: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """Parse JSON.

    Args:
        text: what to parse.
        file: named in errors.
        line: line of the file where the text begins; None if `file` states it already.
        objects: builds an object from its names and values (default: a dict).
    """
    try:
        value = json.loads(text, object_pairs_hook=objects)
    except json.JSONDecodeError as error:
        place = "" if line is None else f" at line {line + error.lineno - 1}"
        raise InputError(f"not JSON: {error.msg}{place}{json_hint(text, error.pos)}", file=file) from None
    except RecursionError:
        raise InputError("not JSON: nested too deep", file=file) from None
    except ValueError:  # Python does not read integers of thousands of digits
        raise InputError("not JSON: a number is too long", file=file) from None
    if "\\u" in text:
        _refuse_surrogates(value, file)
    return value


def read_yaml(file: str | Path) -> Any:
    """Read a YAML file; `InputError` names the line where it breaks."""
    return parse_yaml(read_text(file), file)


def parse_yaml(text: str, file: str | Path) -> Any:
    """Parse YAML, plain values only.

    Args:
        text: what to parse.
        file: named in errors.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        place = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"not YAML: {error.problem or error.context}{place}{yaml_hint(text)}", file=file) from None
    except yaml.YAMLError as error:
        raise InputError(f"not YAML: {error}{yaml_hint(text)}", file=file) from None
    except RecursionError:
        raise InputError("not YAML: nested too deep", file=file) from None
    except Exception as error:  # its constructors for dates, numbers and tags may raise any error
        raise InputError(f"not YAML: a value cannot be read ({error})", file=file) from None
    for number, _ in enumerate(_values(value)):
        if number > MOST_VALUES:
            raise InputError("holds too many values; are there aliases of aliases?", file=file)
    _refuse_surrogates(value, file)
    return value


def _values(value: Any) -> Iterator[Any]:
    """A parsed value and everything in it, including names; endless if a YAML alias makes it contain itself."""
    left = [value]
    while left:
        value = left.pop()
        yield value
        if isinstance(value, dict):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            left += value


def _refuse_surrogates(value: Any, file: object) -> None:
    """Escapes can spell half of a character, which no UTF-8 file, so none of ours, can store."""
    for each in _values(value):
        if isinstance(each, str) and not is_text(each):
            raise InputError(f"holds half of a character, a lone surrogate, in {each[:40]!r}", file=file)


def is_text(value: str) -> bool:
    """Whether a string can be written as UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
