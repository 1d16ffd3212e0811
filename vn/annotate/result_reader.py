"""The values of a stage's result, taken one by one and checked: a person may have edited the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vn.errors import InputError, show
from vn.io.field_reader import FieldReader
from vn.story import Labels, is_seconds, parse_labels

MOST_LABELS = 3  # per clip: as many as a person may choose in a review


class ResultReader(FieldReader):
    """Reads and checks a result, so that every error names the field.

    Args:
        where: file that the result is from, named in errors.
    """

    def __init__(self, where: object) -> None:
        super().__init__(None if where is None else str(where))

    def items(self, value: Any, where: str) -> Sequence[Any]:
        """A list."""
        if not isinstance(value, list | tuple):
            raise self.fail(f"expected a list, got {show(value)}", where)
        return value

    def words(self, value: Any, where: str) -> str:
        """A text, which may be empty, without surrounding whitespace."""
        if not isinstance(value, str):
            raise self.fail_text(value, where)
        return value.strip()

    def texts(self, value: Any, where: str) -> tuple[str, ...]:
        """A list of texts, which may be empty."""
        return tuple(self.words(each, f"{where}[{i}]") for i, each in enumerate(self.items(value, where)))

    def seconds(self, value: Any, where: str) -> float:
        """A time in the video."""
        if not is_seconds(value):
            raise self.fail(f"expected seconds, got {show(value)}", where)
        return float(value)

    def number(self, value: Any, where: str, below: int | None = None) -> int:
        """The number of a clip, from 0."""
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.fail(f"expected the number of a clip, from 0, got {show(value)}", where)
        if below is not None and value >= below:
            raise self.fail(f"there is no clip {value}; the last is {below - 1}", where)
        return value

    def span(self, start: Any, end: Any, where: str, empty: bool = False) -> tuple[float, float]:
        """Start and end in seconds; only with `empty` may they be the same."""
        begin, stop = self.seconds(start, f"{where}.start"), self.seconds(end, f"{where}.end")
        if stop < begin or (stop == begin and not empty):
            raise self.fail(f"ends at {stop:g} s, but starts at {begin:g} s", f"{where}.end")
        return begin, stop

    def labels(self, value: Any, where: str) -> Labels | None:
        """One to three script labels by name, or None."""
        if value is None:
            return None
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
            raise self.fail(f"expected a list of script labels, or null, got {show(value)}", where)
        try:
            labels = parse_labels(names)
        except InputError as error:
            raise self.fail(str(error), where) from None
        if len(labels) > MOST_LABELS:
            raise self.fail(f"expected 1 to {MOST_LABELS} labels, got {len(labels)}", where)
        return labels
