"""The values of a JSON or YAML file, taken one by one and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from vn.errors import InputError, did_you_mean, show
from vn.io.yaml_hints import Source, not_a_text, yaml_hint


class FieldReader:
    """Reads and checks the values of one sample from JSON or YAML, so that every error names the field.

    Args:
        file: named in errors.
        source: the text of a YAML file, in which an unquoted value may not be a text; None for JSON.
        fields: names that the file may have, for hints about typing errors in YAML.

    Attributes:
        id: the sample's id, named in errors as soon as it is known.
    """

    def __init__(self, file: str | Path | None, source: str | None = None, fields: tuple[str, ...] = ()) -> None:
        self.file = file
        self.source = source
        self.fields = fields
        self.id: str | None = None

    def fail(self, message: str, where: str | None = None) -> InputError:
        """An error that names file, sample and field."""
        return InputError(message, file=self.file, sample=self.id, field=where)

    def fail_form(self, message: str, where: str | None = None) -> InputError:
        """The error for a file with the wrong structure, most often because of a typing error."""
        return self.fail(message + (yaml_hint(self.source, self.fields) if self.source else ""), where)

    @cached_property
    def written(self) -> Source:
        """The values of a YAML file as written there."""
        return Source(self.source or "")

    def fail_text(self, value: Any, where: str) -> InputError:
        """The error for a value that should be a text."""
        is_yaml = self.source is not None
        return self.fail(not_a_text(value, self.written.at(where) if is_yaml else None, is_yaml), where)

    def text(self, data: Mapping[str, Any], name: str, where: str = "") -> str:
        """A text in a mapping, without surrounding whitespace."""
        value = data.get(name)
        if name not in data and self.source is not None:
            raise self.fail_form("expected a text, but the field is missing", where + name)
        if not isinstance(value, str) or not value.strip():
            raise self.fail_text(value, where + name)
        return value.strip()

    def keys(self, data: Any, known: Sequence[str], where: str) -> Mapping[str, Any]:
        """A mapping that has known keys only."""
        if not isinstance(data, Mapping):
            raise self.fail_form(f"expected {', '.join(known[:3])} ... by name, got {show(data)}", where or None)
        for key in data:
            if key not in known:
                hint = did_you_mean(key, known) if isinstance(key, str) else ""
                raise self.fail_form(f"unknown field {show(key)}{hint}", where or None)
        return data

    def one_of(self, value: Any, known: Sequence[str], where: str) -> Any:
        """A value that must be one of those known."""
        if value not in known:
            names = " or ".join(map(repr, known))
            raise self.fail_form(f"expected {names}, got {show(value)}", where)
        return value

    def text_or_number(self, value: Any, where: str) -> str:
        """An item of a list of texts; a number is taken as the text that is written.

        YAML reads 1:30 as 90 and 0123 as 83; such numbers are refused.
        """
        number = not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < 1e15
        text = str(value).strip() if number or isinstance(value, str) else ""
        if number and self.source is not None:
            node = self.written.at(where)
            if node is None or node.value != text:
                text = ""
        if not text:
            raise self.fail_text(value, where)
        return text
