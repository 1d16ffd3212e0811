"""Dataclasses of tensors as one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")


def map_tensors(each: T, apply: Callable[[Tensor], Tensor]) -> T:
    """A copy of a dataclass with a function applied to each of its tensors, and to those of dataclasses in it."""

    def changed(value: Any) -> Any:
        if isinstance(value, Tensor):
            return apply(value)
        return map_tensors(value, apply) if is_dataclass(value) and not isinstance(value, type) else value

    new: Any = replace(each, **{f.name: changed(getattr(each, f.name)) for f in fields(each)})  # type: ignore[type-var, arg-type]
    return new  # type: ignore[no-any-return]
