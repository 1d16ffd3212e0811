"""The signatures of settings and of Lightning's trainer as JSON, and classes with the same signatures made of it.

A parser of such classes takes what one of the real classes takes, and words its errors likewise, without importing
them and, with them, torch. What JSON cannot say, such as a class of Lightning, is an `Other`: values are not checked
against it, and keys that may have one are called open.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, make_dataclass
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

PLAIN: dict[str, Any] = {
    **{"bool": bool, "int": int, "float": float, "str": str, "null": NoneType},
    **{"path": Path, "timedelta": timedelta},
}
HOLDERS: dict[str, Any] = {"list": list, "dict": dict, "iterable": Iterable}
_HOLDERS = {kind: name for name, kind in HOLDERS.items()}
_NAMES = {kind: name for name, kind in PLAIN.items()}


class Other:
    """Stands for a class that is not imported."""


def described(cls: type) -> dict[str, Any]:
    """A class as JSON: its parameters with their types and defaults.

    Args:
        cls: a dataclass, or a class whose parameters are keywords.

    Raises:
        ValueError: a default is not one of JSON's values.
    """
    if dataclasses.is_dataclass(cls):
        hints = typing.get_type_hints(cls)
        return {"name": cls.__name__, "fields": [_field(each, hints[each.name]) for each in dataclasses.fields(cls)]}
    hints = typing.get_type_hints(cls.__init__)  # type: ignore[misc]
    _, *parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    if any(each.kind is not inspect.Parameter.KEYWORD_ONLY for each in parameters):
        raise ValueError(f"{cls.__name__} has parameters other than keywords")
    keywords = [{"name": p.name, "type": _type(hints[p.name]), **_default(p.default, p.empty)} for p in parameters]
    return {"name": cls.__name__, "keywords": keywords}


def _field(each: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(hint):
        made = each.default_factory
        if made is not hint:
            raise ValueError(f"{each.name} is not made by its class")
        return {"name": each.name, "class": described(typing.cast(type, hint))}
    if each.default_factory is not dataclasses.MISSING:
        return {"name": each.name, "type": _type(hint), "made": _plain(each.default_factory())}
    return {"name": each.name, "type": _type(hint), **_default(each.default, dataclasses.MISSING)}


def _default(value: Any, missing: Any) -> dict[str, Any]:
    return {} if value is missing else {"default": _plain(value)}


def _plain(value: Any) -> Any:
    if json.loads(json.dumps(value)) != value or isinstance(value, tuple):
        raise ValueError(f"{value!r} changes in JSON")
    return value


def _type(hint: Any) -> Any:
    """A type as JSON; null for what JSON cannot say."""
    if hint in _NAMES:
        return _NAMES[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal and all(type(each) in (str, int, bool) for each in inner):
        return {"one of": list(inner)}
    if origin in _HOLDERS:
        return {_HOLDERS[origin]: [_type(each) for each in inner]}
    if origin in (typing.Union, UnionType):
        return {"union" if origin is typing.Union else "or": [_type(each) for each in inner]}
    return None


def rebuilt(cls: Mapping[str, Any]) -> type:
    """A class with the signature that `described` gave."""
    if "fields" in cls:
        fields: list[Any] = []
        for each in cls["fields"]:
            if "class" in each:
                inner = rebuilt(each["class"])
                fields.append((each["name"], inner, field(default_factory=inner)))
            elif "made" in each:
                fields.append((each["name"], _hint(each["type"]), field(default_factory=_maker(each["made"]))))
            else:
                default = [field(default=each["default"])] if "default" in each else []
                fields.append((each["name"], _hint(each["type"]), *default))
        return make_dataclass(cls["name"], fields, frozen=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            p["name"], keyword, default=p.get("default", inspect.Parameter.empty), annotation=_hint(p["type"])
        )
        for p in cls["keywords"]
    ]

    def __init__(self: Any, **values: Any) -> None:
        """Never called: a parser only reads the signature."""

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    __init__.__signature__ = inspect.Signature([own, *parameters])  # type: ignore[attr-defined]
    __init__.__annotations__ = {each.name: each.annotation for each in parameters}
    return type(cls["name"], (), {"__init__": __init__})


def _maker(value: Any) -> Callable[[], Any]:
    return lambda: copy.deepcopy(value)


def _hint(kind: Any) -> Any:
    if kind is None:
        return Other
    if isinstance(kind, str):
        return PLAIN[kind]
    ((how, inner),) = kind.items()
    if how == "one of":
        return typing.Literal[tuple(inner)]
    hints = tuple(_hint(each) for each in inner)
    if how in HOLDERS:
        return HOLDERS[how][hints]
    if how == "union":
        return typing.Union[hints]  # noqa: UP007 (another object than with |, and worded otherwise in errors)
    found = hints[0]
    for each in hints[1:]:
        found = found | each
    return found


def open_keys(cls: Mapping[str, Any], prefix: str) -> set[str]:
    """The dotted keys of a class that may have a value of a class that JSON cannot name."""
    found: set[str] = set()
    for each in cls.get("fields", cls.get("keywords", ())):
        if "class" in each:
            found |= open_keys(each["class"], f"{prefix}.{each['name']}")
        elif _is_open(each["type"]):
            found.add(f"{prefix}.{each['name']}")
    return found


def _is_open(kind: Any) -> bool:
    if isinstance(kind, dict):
        ((how, inner),) = kind.items()
        return how != "one of" and any(_is_open(each) for each in inner)
    return kind is None
